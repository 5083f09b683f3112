"""A drill: customers buy at a steady rate while its steps are taken; then everything must be there, once."""

import time
from dataclasses import dataclass

from tests.chaos.checker import read_books
from tests.chaos.customers import Customers
from tests.chaos.goods import stocked
from tests.chaos.run import Say, come_to_rest
from tests.clusters.drill import Drill
from tests.clusters.result import DrillResult, longest_gap

VERDICTS = """
SELECT coalesce(extract(epoch FROM max(verdict.time - placed.time)), 0)
FROM event_log AS placed JOIN event_log AS verdict ON verdict.subject = placed.subject
WHERE placed.type = 'orders.order-placed.v1' AND placed.time > to_timestamp(%s)
    AND verdict.type IN ('orders.order-confirmed.v1', 'orders.order-rejected.v1')
"""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`rate` is orders a second; `converge_within` seconds after the last order nothing may be under way."""

    orders: int = 900
    rate: float = 30.0
    converge_within: float = 60.0


def carry_out(drill: Drill, plan: Plan, *, say: Say) -> DrillResult:
    """Do it; whatever is found is in the result."""
    shop = drill.shop
    before = frozenset(read_books(shop).statuses)
    customers = Customers(shop, stocked(shop, orders=plan.orders), name=drill.name, orders=plan.orders)
    began = time.time()
    try:
        with drill.beside(say), customers.coming_in(plan.rate):
            _take_steps(drill, plan, customers, say)
            customers.wait_until_placed(plan.orders, within=600)
        customers.finish()
    finally:
        customers.give_up()
        customers.write_down(shop.home / "history.jsonl")
    findings, converged = come_to_rest(shop, customers, before=before, within=plan.converge_within, say=say)
    return DrillResult(
        title=f"cluster {drill.name}{f' without {drill.without}' if drill.without else ''}",
        statuses=read_books(shop, before=before).ours(),
        findings=[*findings, *drill.findings()],
        absorbed=shop.absorbed(),
        converged=converged,
        converge_within=plan.converge_within,
        accepted=len(customers.accepted_at),
        refused=customers.statuses[503],
        unanswered=customers.statuses[0],
        longest_pause=longest_gap(customers.accepted_at),
        slowest_verdict=float(shop.sql("orders", VERDICTS, began)[0][0]),
        facts=drill.facts(len(customers.accepted_at)),
    )


def _take_steps(drill: Drill, plan: Plan, customers: Customers, say: Say) -> None:
    began = time.monotonic()

    def note(words: str) -> None:
        so_far = f"{len(customers.accepted_at):5} accepted, {customers.statuses[503]:4} refused"
        say(f"{time.monotonic() - began:6.1f} s  {so_far}  {words}")

    for step in drill.steps():
        customers.wait_until_placed(int(step.at * plan.orders))
        note(step.does)
        note(f"  {step.act()}")
