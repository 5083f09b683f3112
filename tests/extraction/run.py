"""A run: customers keep buying while inventory leaves the monolith, works apart, and comes back."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.chaos.checker import KINDS, Finding, count, read_books
from tests.chaos.customers import Customers
from tests.chaos.goods import stocked
from tests.chaos.run import Say, come_to_rest
from tests.extraction.document import Step, steps
from tests.extraction.pauses import Watch, watching
from tests.extraction.session import Session
from tests.extraction.shop import LeavableShop

SURFACES = ("placing", "confirming", "stock", "stock written", "products", "orders")
AT_REST_WITHIN = 120.0
AFTERWARDS = 2.0
"""Seconds for which everything goes on between two ways, so that each is seen to work."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    At least so many orders, so many a second; how often each surface is looked at, in seconds; which steps, by default
    all that the document has.
    """

    orders: int = 2000
    rate: float = 40.0
    look_every: float = 0.05
    steps: Sequence[Step] = field(default_factory=steps)
    then: Callable[[LeavableShop], None] = lambda _: None
    """What is done when all steps are, before it is judged."""


@dataclass(kw_only=True)
class Result:
    """What came of it: orders by status, what was found, what was seen while each step went on."""

    statuses: dict[str, int]
    findings: Sequence[Finding]
    moments: Sequence["Moment"]
    retries: int

    @property
    def passed(self) -> bool:
        return not self.findings

    @property
    def row(self) -> str:
        """Everything on one line."""
        told = [f"{status}: {times}" for status, times in sorted(self.statuses.items())]
        found = [f"{kind}: {count(self.findings, kind)}" for kind in KINDS]
        placed = [f"extraction orders placed: {sum(self.statuses.values())}", f"client retries: {self.retries}"]
        return " | ".join([*placed, *told, *found, "PASSED" if self.passed else "FAILED"])

    @property
    def details(self) -> list[str]:
        """A line for each broken promise."""
        return [f"{each.kind}: {each.name}: {each.count}, first {each.offender}" for each in self.findings]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A step that was done: when it ended, how long it took, how many orders there were, the longest pauses in it."""

    step: str
    at: float
    took: float
    accepted: int
    decided: int
    accepted_meanwhile: int
    pauses: Sequence[float]
    said: Sequence[str] = ()

    @property
    def line(self) -> str:
        seconds = "  ".join(f"{each:>8.2f}" for each in self.pauses)
        return f"{self.at:7.1f}  {self.took:5.1f}  {self.step:52.52}  {self.accepted:>8}  {self.decided:>8}  {seconds}"


HEAD = (
    f"{'s':>7}  {'took':>5}  {'step':52}  {'accepted':>8}  {'decided':>8}  "
    + "  ".join(f"{name[:8]:>8}" for name in SURFACES)
    + "   (longest pause in s)"
)


def run(shop: LeavableShop, plan: Plan, *, say: Say) -> Result:
    """Take the steps while customers buy; whatever is found is in the result."""
    before = frozenset(read_books(shop).statuses)
    goods = stocked(shop, orders=plan.orders)
    customers = Customers(shop, goods, name="extraction", orders=1_000_000, buyers=24)
    moments: list[Moment] = []
    try:
        with watching(shop, sku=goods.plain[0], every=plan.look_every) as watch, customers.coming_in(plan.rate):
            say(HEAD)
            for moment in _take(shop, plan, watch):
                moments.append(moment)
                say("\n".join([moment.line, *(f"{'':18}{line}" for line in moment.said if not line.startswith("ok "))]))
            customers.wait_until_placed(plan.orders)
    finally:
        customers.give_up()
        customers.write_down(shop.home / "history.jsonl")
    plan.then(shop)
    return _judge(shop, customers, before, moments, say)


def _take(shop: LeavableShop, plan: Plan, watch: Watch) -> Iterator[Moment]:
    began, session = time.monotonic(), Session(environment=shop.environment())
    accepted = watch.accepted

    def moment(name: str, since: float, said: Sequence[str] = ()) -> Moment:
        nonlocal accepted
        now, pauses, before, accepted = time.monotonic(), watch.pauses.take(), accepted, watch.accepted
        return Moment(
            step=name,
            at=now - began,
            took=now - since,
            accepted=accepted,
            accepted_meanwhile=accepted - before,
            decided=watch.decided,
            pauses=[pauses[surface] for surface in SURFACES],
            said=said,
        )

    def rest(name: str) -> Moment:
        since, decided = time.monotonic(), watch.decided
        while watch.decided < decided + 10 and time.monotonic() < since + AT_REST_WITHIN:
            time.sleep(0.1)
        time.sleep(AFTERWARDS)
        return moment(name, since)

    try:
        yield rest("(all in one project)")
        way = ""
        for step in plan.steps:
            if way and way != step.way:
                yield rest("(the shop goes on)")
            way, since = step.way, time.monotonic()
            yield moment(step.title, since, session.do(step))
        yield rest("(the shop goes on)")
    finally:
        session.close()


def _judge(
    shop: LeavableShop, customers: Customers, before: frozenset[str], moments: Sequence[Moment], say: Say
) -> Result:
    findings, _ = come_to_rest(shop, customers, before=before, within=AT_REST_WITHIN, say=say)
    return Result(
        statuses=dict(read_books(shop, before=before).ours()),
        findings=findings,
        moments=moments,
        retries=sum(each.attempts - 1 for each in customers.history if each.attempts),
    )
