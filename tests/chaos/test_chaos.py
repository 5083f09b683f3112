"""Everything is killed, paused and cut off while customers buy; `make chaos` does it longer."""

import pytest

from tests.chaos.nemesis import KINDS, by_kind, schedule
from tests.chaos.run import Plan, run
from tests.chaos.shop import Shop


class TestChaos:
    # Generous: the machine may have much else to do, and what is measured is not speed.
    pytestmark = pytest.mark.timeout(900)
    PLAN = Plan(seed=20, orders=600, faults=16, pause=1.0, converge_within=120)

    def test_loses_nothing_and_does_nothing_twice(self, shop: Shop) -> None:
        result = run(shop, self.PLAN, say=print)

        print(result.row)
        assert result.details == []
        assert sum(result.statuses.values()) == self.PLAN.orders


class TestSchedule:
    def test_is_a_function_of_the_seed(self) -> None:
        assert schedule(7, 20) == schedule(7, 20) != schedule(8, 20)

    def test_has_every_kind_before_any_comes_again(self) -> None:
        assert by_kind(schedule(7, len(KINDS))) == dict.fromkeys(sorted(KINDS), 1)

    def test_leaves_the_shop_time_to_start_between_faults(self) -> None:
        assert min(fault.gap for fault in schedule(7, 100)) >= 1.5
