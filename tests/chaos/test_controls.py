"""With a guard taken away the checks report the damage: only so does a run without findings mean something."""

import pytest

from tests.chaos.checker import count
from tests.chaos.controls import SCENARIOS, control
from tests.chaos.shop import Shop

# The last one leaves a shop that owes more than it has.
WORTH = {"confirms": "lost", "mandatory": "lost", "inbox": "double", "guard": "oversold"}


class TestWithoutAGuard:
    @pytest.mark.parametrize("guard", WORTH)
    def test_the_damage_is_reported(self, shop: Shop, guard: str) -> None:
        result = control(shop, guard)

        print(*result.details, result.row, sep="\n")
        assert count(result.findings, WORTH[guard]) > 0
        assert not result.passed

    def test_every_scenario_is_here(self) -> None:
        assert SCENARIOS.keys() == WORTH.keys()
