"""Engines of several nodes lose one while customers buy; without what keeps the promise there, the loss is reported."""

import pytest

from tests.chaos.checker import count
from tests.clusters.__main__ import DRILLS, GUARDS, run
from tests.clusters.run import Plan

WORTH = {"rabbitmq": "stuck", "postgres": "lost", "mongodb": "lost"}

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("name", DRILLS)
def test_nothing_is_lost_and_nothing_done_twice(name: str) -> None:
    plan = Plan(orders=600)

    result = run(name, plan)

    print(result.row)
    assert result.details == []
    assert sum(result.statuses.values()) == plan.orders


@pytest.mark.parametrize("name", WORTH)
def test_without_its_guard_the_damage_is_reported(name: str) -> None:
    result = run(name, Plan(orders=300, converge_within=15), without=GUARDS[name])

    print(*result.details, result.row, sep="\n")
    assert count(result.findings, WORTH[name]) > 0
    assert not result.passed
