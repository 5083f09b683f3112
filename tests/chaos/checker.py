"""
Whether what happened is what was promised: the customers' history, the witness's count and `manage.py verify`.

The history is held to as a set: every order that a customer was told of is there, none is there that nobody sent, one
key has one order, and asking again brings the same answer.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.customers import Purchase
from tests.chaos.shop import Shop
from tests.journeys.system import WORKERS

KINDS = ("lost", "double", "oversold", "drift", "stuck")


@dataclass(frozen=True)
class Finding:
    """A broken promise: how often, and the first case."""

    name: str
    kind: str
    count: int
    offender: str


@dataclass(frozen=True)
class Books:
    """What the orders database says: statuses by order, the order of each key, and orders that were there before."""

    statuses: Mapping[str, str]
    claims: Mapping[str, str]
    before: frozenset[str]

    def ours(self) -> Counter[str]:
        """How many orders there are in each status, of those that were not there before."""
        return Counter(status for order, status in self.statuses.items() if order not in self.before)


def read_books(shop: Shop, *, before: frozenset[str] = frozenset()) -> Books:
    return Books(
        statuses=dict(shop.sql("orders", "SELECT id::text, status FROM orders_order")),
        claims=dict(shop.sql("orders", "SELECT key, order_id::text FROM orders_placementclaim")),
        before=before,
    )


def verify(shop: Shop, *, within: float) -> list[Finding]:
    """What `manage.py verify` finds broken, each promise given `within` seconds to become true."""
    return [Finding(**finding) for finding in shop.verify(within=within)]


def check(shop: Shop, history: Sequence[Purchase], *, before: frozenset[str]) -> list[Finding]:
    """What else is broken: what the customers were told, and events that took effect more than once."""
    found = compare(history, read_books(shop, before=before))
    for app in WORKERS:
        often = [event for event, times in shop.taken_effect(app).items() if times > 1]
        found += _finding(f"an event takes effect once in {app}", "double", often)
    return found


def compare(history: Sequence[Purchase], books: Books) -> list[Finding]:
    """What is wrong between what customers were told and what is in the books."""
    told = {each.key: each for each in history}
    ours = {order: status for order, status in books.statuses.items() if order not in books.before}
    placed = [each for each in history if each.order_id]
    cases: dict[tuple[str, str], Iterator[str] | list[str]] = {
        ("an order that was answered is there", "lost"): [e.key for e in placed if e.order_id not in ours],
        ("a key keeps its order", "lost"): [e.key for e in placed if books.claims.get(e.key) != e.order_id],
        ("every order was sent by somebody", "double"): sorted(ours.keys() - _sent(told, books)),
        ("a refusal leaves nothing behind", "double"): [e.key for e in history if _refused_yet_there(e, books)],
        ("one key has one answer", "double"): [e.key for e in placed if any(a != e.answer for a in e.answered_again)],
        ("what was cancelled stays so", "lost"): [
            e.key for e in placed if e.cancelled and ours.get(e.order_id) != "cancelled"
        ],
        ("every customer got an answer", "stuck"): [e.key for e in history if not e.status],
        ("every order gets its verdict", "stuck"): [order for order, status in ours.items() if status == "placed"],
    }
    return [finding for (name, kind), offenders in cases.items() for finding in _finding(name, kind, list(offenders))]


def count(findings: Sequence[Finding], kind: str) -> int:
    """How many cases of a kind."""
    return sum(finding.count for finding in findings if finding.kind == kind)


def _sent(told: Mapping[str, Any], books: Books) -> set[str]:
    return {order for key, order in books.claims.items() if key in told}


def _refused_yet_there(purchase: Purchase, books: Books) -> bool:
    # After a try whose answer was lost the order may be there all the same.
    return purchase.attempts == 1 and purchase.status >= 400 and purchase.key in books.claims


def _finding(name: str, kind: str, offenders: Sequence[str]) -> list[Finding]:
    return [Finding(name, kind, len(offenders), offenders[0])] if offenders else []
