"""
What must hold: the stock's counters after every turn, everything when the shop has come to rest.

The rules are written down here once more, by hand, so that a change of the shop's own tables is seen.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from nexus.orders.services.place import CLAIM_LIFETIME
from tests.simulation.evidence import Evidence

if TYPE_CHECKING:
    from tests.simulation.world import World

OVERDUE = "orders.order-overdue.v1"
STORY = {
    "orders.order-placed.v1": ({""}, "placed"),
    "orders.order-confirmed.v1": ({"placed"}, "confirmed"),
    "orders.order-rejected.v1": ({"placed"}, "rejected"),
    "orders.order-cancelled.v1": ({"placed", "confirmed"}, "cancelled"),
    "orders.order-expired.v1": ({"placed", "confirmed"}, "expired"),
    "orders.order-shipped.v1": ({"confirmed"}, "shipped"),
    "orders.order-delivered.v1": ({"shipped"}, "delivered"),
    "orders.order-returned.v1": ({"shipped", "delivered"}, "returned"),
    OVERDUE: ({"placed"}, "placed"),
}
AT_REST: dict[str, set[str | None]] = {
    # What inventory has for an order of each status once everything has been heard; None: nothing at all.
    "placed": set(),
    "confirmed": {"held"},
    "rejected": {None, "rejected"},
    "cancelled": {"released", "expired", "rejected"},
    "expired": {"expired"},
    "shipped": {"committed"},
    "delivered": {"committed"},
    "returned": {"returned"},
}
AFTER = {
    # Which statuses an order may have once a command was answered with success.
    "cancel": {"cancelled"},
    "ship": {"shipped", "delivered", "returned"},
    "deliver": {"delivered", "returned"},
    "return": {"returned"},
}
RESERVED, REJECTED = "inventory.stock-reserved.v1", "inventory.stock-rejected.v1"
WRONG_COUNTERS = """
SELECT s.sku, s.location_id, s.on_hand, s.reserved, ledger.on_hand, ledger.reserved, held.quantity
FROM inventory_stock s
LEFT JOIN (SELECT sku, location_id, sum(on_hand) AS on_hand, sum(reserved) AS reserved
           FROM inventory_ledgerentry GROUP BY 1, 2) ledger USING (sku, location_id)
LEFT JOIN (SELECT line->>'sku' AS sku, (line->>'location')::bigint AS location_id,
                  sum((line->>'quantity')::int) AS quantity
           FROM inventory_reservation, jsonb_array_elements(lines) line WHERE state = 'held' GROUP BY 1, 2) held
    USING (sku, location_id)
WHERE s.on_hand <> coalesce(ledger.on_hand, 0) OR s.reserved <> coalesce(ledger.reserved, 0)
    OR s.reserved <> coalesce(held.quantity, 0) OR s.reserved > s.on_hand OR s.reserved < 0
"""


class Broken(AssertionError):
    """A promise was not kept: which, and the first offender."""

    def __init__(self, promise: str, offender: object) -> None:
        super().__init__(f"broken: {promise}: {offender}")
        self.promise = promise


def check_counters(world: "World") -> None:
    """:raises Broken: now, in between, counters, ledger and reservations of some sku disagree, or it is oversold"""
    for row in world.stage.query("inventory", WRONG_COUNTERS):
        raise Broken("counters equal the ledger and what is held, and nothing is oversold, at every instant", row)


def check(world: "World", *, everything_ran_out: bool = False) -> str:
    """
    A digest of all that was told.

    :raises Broken: at rest, some promise is not kept
    """
    evidence = Evidence(world.stage)
    for promise, offenders in PROMISES.items():
        for offender in offenders(evidence, world):
            raise Broken(promise, offender)
    if everything_ran_out:
        for order in evidence.orders.values():
            if order.status in ("placed", "confirmed"):
                raise Broken("every order ends", order)
    return evidence.digest()


def not_heard_once(evidence: Evidence, world: "World") -> Iterator[object]:
    elsewhere = [(record.id, record.type) for record in world.elsewhere.records]
    told = [(each.id, each.type) for log in evidence.told.values() for each in log] + elsewhere
    for name, member in world.machinery.members.items():
        due = {identity for identity, kind in told if kind in member.handlers}
        heard = evidence.heard(name)
        yield from ((name, "lost", identity) for identity in sorted(due - heard))
        yield from ((name, "heard what nobody told", identity) for identity in sorted(heard - due))


def wrong_dead_letters(evidence: Evidence, world: "World") -> Iterator[object]:
    poison = world.machinery.broker.poison
    for name in world.machinery.members:
        letters = {letter[0]: letter for letter in evidence.dead_letters(name)}
        yield from (letter for identity, letter in letters.items() if (name, identity) not in poison)
        yield from (("never set aside", *each) for each in sorted(poison) if each[0] == name and each[1] not in letters)


def rows_unlike_their_events(evidence: Evidence, world: "World") -> Iterator[object]:
    yield from (subject for subject in evidence.stories if subject not in {str(each) for each in evidence.orders})
    for order in evidence.orders.values():
        story = evidence.stories[str(order.id)]
        status, reason, moved_at = "", "", None
        for told in story:
            before, after = STORY[told.type]
            if status not in before:
                yield order, f"{told.type} from {status or 'nothing'}"
            status, reason, moved_at = after, told.fact.get("reason", reason), told.time
        row = (order.status, order.reason, order.updated_at, order.version)
        if row != (status, reason, moved_at, len(story)):
            yield order, (status, reason, moved_at, len(story))


def gaps(evidence: Evidence, world: "World") -> Iterator[object]:
    for subject, story in evidence.stories.items():
        if [told.sequence for told in story] != list(range(1, len(story) + 1)):
            yield subject, [told.sequence for told in story]
    last: dict[str, int] = defaultdict(int)
    for told in evidence.told["inventory"]:
        # Of an order each, of a sku rising.
        if told.sequence <= last[told.subject] or (
            "level" not in told.type and told.sequence != last[told.subject] + 1
        ):
            yield told
        last[told.subject] = told.sequence


def saga_against_stock(evidence: Evidence, world: "World") -> Iterator[object]:
    for order in evidence.orders.values():
        reservation = evidence.reservations.get(order.id)
        if (reservation and reservation.state) not in AT_REST[order.status]:
            yield order, reservation
    yield from (each for order_id, each in evidence.reservations.items() if order_id not in evidence.orders)


def halves(evidence: Evidence, world: "World") -> Iterator[object]:
    for reservation in evidence.reservations.values():
        wanted = {sku: quantity for sku, (quantity, _) in evidence.lines[reservation.order_id].items()}
        nothing = not reservation.lines and reservation.state in ("released", "rejected")
        if reservation.quantities != wanted and not nothing:
            yield reservation, wanted


def verdicts(evidence: Evidence, world: "World") -> Iterator[object]:
    for order in evidence.orders.values():
        kinds = [told.type for told in evidence.verdicts.get(str(order.id), ())]
        found = kinds.count(RESERVED) + kinds.count(REJECTED)
        asked_again = sum(told.type == OVERDUE for told in evidence.stories[str(order.id)])
        if found > 1 + asked_again or (RESERVED in kinds and REJECTED in kinds):
            yield order, kinds
        if not found and order.status != "cancelled":
            yield order, "none"


def goods_out_of_nowhere(evidence: Evidence, world: "World") -> Iterator[object]:
    """What is there is what people put there, less what has left for orders."""
    there: Counter[str] = Counter()
    for movement in evidence.ledger:
        if movement.order_id is None:
            there[movement.sku] += movement.on_hand
    for reservation in evidence.reservations.values():
        if reservation.state == "committed":
            there.subtract(reservation.quantities)
    for counter in evidence.stock:
        there[counter.sku] -= counter.on_hand
    yield from ((sku, difference) for sku, difference in there.items() if difference)
    entered = {movement.cause_id for movement in evidence.ledger}
    yield from (("answered but absent", each) for each in world.people.history.adjusted if each not in entered)


def broken_words(evidence: Evidence, world: "World") -> Iterator[object]:
    history = world.people.history
    for request in history.requests.values():
        yield from ((request, "lost") for order_id in request.answered if order_id not in evidence.orders)
    for verb, order_id in history.done:
        if evidence.orders[order_id].status not in AFTER[verb]:
            yield verb, evidence.orders[order_id]


def unasked(evidence: Evidence, world: "World") -> Iterator[object]:
    for order in evidence.orders.values():
        request = world.people.history.requests.get(evidence.stories[str(order.id)][0].correlation_id)
        lines = {sku: quantity for sku, (quantity, _) in evidence.lines[order.id].items()}
        if request is None or (request.customer_id, request.lines) != (order.customer_id, lines):
            yield order, request
        if order.total != sum(quantity * price for quantity, price in evidence.lines[order.id].values()):
            yield order, evidence.lines[order.id]


def one_key_two_orders(evidence: Evidence, world: "World") -> Iterator[object]:
    """Within the life of a claim; the clocks of two processes may differ by some hours."""
    placed = defaultdict(list)
    for subject, story in evidence.stories.items():
        request = world.people.history.requests[story[0].correlation_id]
        placed[(request.customer_id, request.key) if request.key else request.name].append((story[0].time, subject))
    for key, orders in placed.items():
        times = [at for at, _ in sorted(orders)]
        apart = CLAIM_LIFETIME - timedelta(hours=4) if isinstance(key, tuple) else timedelta.max
        if any(later - earlier < apart for earlier, later in pairwise(times)):
            yield key, sorted(orders)


def stale_copies(evidence: Evidence, world: "World") -> Iterator[object]:
    """What orders knows of stock, and what the cache does."""
    for sku, level in evidence.levels().items():
        if level[1] and evidence.hints.get(sku) != level:
            yield "hint", sku, evidence.hints.get(sku), level
        cached = world.stage.cache.levels.get(sku)
        if cached is None or (cached.available, cached.version) != level:
            yield "cache", sku, cached, level


def strange_causes(evidence: Evidence, world: "World") -> Iterator[object]:
    """What inventory says about an order belongs to the request that the order came from."""
    for told in evidence.told["inventory"]:
        cause = evidence.stories[told.subject][0] if told.type in (RESERVED, REJECTED) else told
        if told.correlation_id != cause.correlation_id:
            yield told


PROMISES: dict[str, Callable[[Evidence, "World"], Iterator[object]]] = {
    "every event is heard exactly once by each who hears it": not_heard_once,
    "what cannot be handled, and only that, is set aside": wrong_dead_letters,
    "an order's row is the fold of its events": rows_unlike_their_events,
    "sequences have no gaps": gaps,
    "orders and stock agree": saga_against_stock,
    "all of an order is set aside, or nothing": halves,
    "an order gets one verdict": verdicts,
    "no goods appear or vanish": goods_out_of_nowhere,
    "what was answered holds": broken_words,
    "what is there was asked for, at the sum of its lines": unasked,
    "one key, one order": one_key_two_orders,
    "copies of stock agree with stock": stale_copies,
    "a verdict carries its order's correlation id": strange_causes,
}
