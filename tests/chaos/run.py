"""A run: customers buy while the nemesis does its work, then everything must come to rest and be right."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.checker import Finding, check, read_books, verify
from tests.chaos.customers import Customers
from tests.chaos.goods import stocked
from tests.chaos.nemesis import by_kind, inflict, schedule
from tests.chaos.result import CONVERGE_WITHIN, Result
from tests.chaos.shop import Shop

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a seed is to do. `pause` is how long what is stopped stays so, `converge_within` what is still good."""

    seed: int
    orders: int = 3000
    faults: int = 20
    pause: float = 3.0
    converge_within: float = CONVERGE_WITHIN


def run(shop: Shop, plan: Plan, *, say: Say) -> Result:
    """
    Do what the plan says; whatever is found is in the result.

    Orders are let in by portions, one for each fault, so that there are some under way at every fault however slow
    the machine is; and no more of them than it can carry, because what is measured at the end is how the shop recovers
    from faults, not from more customers than it has room for.
    """
    before = frozenset(read_books(shop).statuses)
    goods = stocked(shop, orders=plan.orders)
    customers = Customers(shop, goods, name=f"chaos {plan.seed}", orders=plan.orders)
    try:
        _torment(shop, plan, customers, say)
        customers.finish()
    finally:
        customers.give_up()
        customers.write_down(shop.home / "history.jsonl")
    return _judge(shop, plan, customers, before, say)


def _torment(shop: Shop, plan: Plan, customers: Customers, say: Say) -> None:
    faults, began = schedule(plan.seed, plan.faults), time.monotonic()
    portion = -(-plan.orders // (plan.faults + 1))
    for number, fault in enumerate(faults):
        customers.allow(portion)
        time.sleep(fault.gap)
        customers.wait_until_placed(number * portion + portion // 3)
        _wait_while(lambda: shop.unsettled() > portion or shop.unheard() > 2 * portion, within=60)
        under_way = f"{shop.unsettled():4} orders, {shop.unheard():4} levels under way"
        say(f"{time.monotonic() - began:6.1f} s  {under_way}  {fault}")
        inflict(shop, fault, pause=plan.pause)


def _judge(shop: Shop, plan: Plan, customers: Customers, before: frozenset[str], say: Say) -> Result:
    findings, converged = come_to_rest(shop, customers, before=before, within=plan.converge_within, say=say)
    return Result(
        title=f"chaos seed {plan.seed}",
        faults=by_kind(schedule(plan.seed, plan.faults)),
        statuses=read_books(shop, before=before).ours(),
        findings=findings,
        absorbed=shop.absorbed(),
        retries=sum(each.attempts - 1 for each in customers.history if each.attempts),
        max_log_age=shop.max_log_age,
        converged=converged,
        converge_within=plan.converge_within,
    )


def come_to_rest(
    shop: Shop, customers: Customers, *, before: frozenset[str], within: float, say: Say
) -> tuple[list[Finding], float]:
    """Wait until nothing is under way, `within` seconds at most; what is broken then, and how long it took."""
    quiet = time.monotonic()
    _wait_while(lambda: shop.unsettled() > 0 or shop.unheard() > 0, within=within)
    settled = time.monotonic() - quiet
    still = f"{shop.unsettled()} orders and {shop.unheard()} stock levels under way"
    say(f"{still} {settled:.1f} s after the last fault and the last order")
    findings = verify(shop, within=max(within - settled, 1.0))
    converged = time.monotonic() - quiet
    return [*findings, *check(shop, customers.history, before=before)], converged


def _wait_while(busy: Callable[[], bool], *, within: float) -> None:
    deadline = time.monotonic() + within
    while busy() and time.monotonic() < deadline:
        time.sleep(0.2)
