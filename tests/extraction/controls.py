"""The same run with a guard taken away, and with what the guard is there for: the checks must report it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.eventually import eventually
from tests.extraction.document import ways
from tests.extraction.run import Plan, Result, Say, run
from tests.extraction.shop import LeavableShop, leavable_shop

KIND = "orders.order-placed.v1"
ORDERS = 200


def control(home: Path, guard: str, *, say: Say) -> Result:
    """Leave without the guard; the result tells the damage."""
    with leavable_shop(home, without=guard) as shop:
        return run(shop, SCENARIOS[guard](_there()), say=say)


def _there() -> Plan:
    """The way there, without its last steps: what is retired cannot be looked at."""
    plan = Plan(orders=ORDERS)
    return replace(plan, steps=[each for each in plan.steps if each.way == ways()[0]][:5])


def leave_the_old_ones_working(plan: Plan) -> Plan:
    """The old processes go on with the old database while the new ones have begun with the new one."""
    *first, _, switch = plan.steps
    return replace(plan, steps=[*first, switch])


def hear_everything_again(plan: Plan) -> Plan:
    """What was told before the move is given to inventory once more."""

    def replay(shop: LeavableShop) -> None:
        eventually(lambda: not shop.unsettled(), within=120, every=0.2)
        shop.manage("bus", "replay", "inventory", "--types", KIND, NEXUS_SERVICES="inventory=http://127.0.0.1:1")
        eventually(lambda: max(shop.taken_effect("inventory").values()) > 1, within=120, every=0.2)

    return replace(plan, then=replay)


SCENARIOS: dict[str, Callable[[Plan], Plan]] = {
    "fence": leave_the_old_ones_working,
    "inbox": hear_everything_again,
}
