"""What becomes of reservations: released when an order is called off, taken out when it ships, put back on return."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connections

from nexus.inventory.models import DATABASE, Reason, State
from nexus.inventory.services.stockroom import Movement, Stockroom

# The guard is the state: of two that want to end the same reservation, exactly one finds it.
END = """
UPDATE inventory_reservation SET state = %s, updated_at = clock_timestamp()
WHERE order_id IN (
    SELECT order_id FROM inventory_reservation WHERE order_id = ANY(%s) AND state = ANY(%s) ORDER BY order_id FOR UPDATE
)
RETURNING order_id, lines::text
"""
# An order cancelled before it was reserved leaves a mark, so that a late OrderPlaced stays away.
MARK = """
INSERT INTO inventory_reservation (order_id, state, lines, created_at, updated_at)
SELECT unnest(%s::uuid[]), 'released', '[]', clock_timestamp(), clock_timestamp()
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, kw_only=True)
class Settling:
    """One way a reservation ends: from which states, to which, and what happens to each unit of its lines."""

    before: tuple[State, ...]
    after: State
    on_hand: int
    reserved: int
    reason: Reason


RELEASE = Settling(before=(State.HELD,), after=State.RELEASED, on_hand=0, reserved=-1, reason=Reason.RELEASED)
EXPIRE = Settling(before=(State.HELD,), after=State.EXPIRED, on_hand=0, reserved=-1, reason=Reason.EXPIRED)
COMMIT = Settling(before=(State.HELD,), after=State.COMMITTED, on_hand=-1, reserved=-1, reason=Reason.SHIPPED)
# The goods left although the reservation had run out: they are taken from what is free, or not at all.
COMMIT_LATE = Settling(before=(State.EXPIRED,), after=State.COMMITTED, on_hand=-1, reserved=0, reason=Reason.SHIPPED)
# The news of the return overtook the news of the shipment: the goods are where they were before both.
RETURN_EARLY = Settling(before=(State.HELD,), after=State.RETURNED, on_hand=0, reserved=-1, reason=Reason.RETURNED)
RETURN_LATE = Settling(before=(State.EXPIRED,), after=State.RETURNED, on_hand=0, reserved=0, reason=Reason.RETURNED)
RESTOCK = Settling(before=(State.COMMITTED,), after=State.RETURNED, on_hand=1, reserved=0, reason=Reason.RETURNED)

Causes = Mapping[UUID, UUID]
"""Order id to the id of the event (or sweep) that ends its reservation."""


def release_stock(causes: Causes) -> None:
    """Put what was held for these orders back on sale; one that was never reserved will not be."""
    with connections[DATABASE].cursor() as cursor:
        # First the mark: it waits for a reservation being written at this moment, which is then found held.
        cursor.execute(MARK, [sorted(causes)])
    settle(RELEASE, causes)


def commit_stock(causes: Causes) -> None:
    """Take out what was held for these orders: the goods have left."""
    settle(COMMIT, causes)
    settle(COMMIT_LATE, causes)


def restock(causes: Causes) -> None:
    """Put what had left for these orders back: the goods returned, fit for sale."""
    settle(RESTOCK, causes)
    settle(RETURN_EARLY, causes)
    settle(RETURN_LATE, causes)


def settle(settling: Settling, causes: Causes) -> list[UUID]:
    """End the reservations of these orders that are in a state to be ended so; the orders it did."""
    with connections[DATABASE].cursor() as cursor:
        before = [state.value for state in settling.before]
        cursor.execute(END, [settling.after.value, sorted(causes), before])
        ended: Sequence[tuple[UUID, str]] = cursor.fetchall()
    _move(settling, {order_id: _lines(lines) for order_id, lines in ended}, causes)
    return [order_id for order_id, _ in ended]


def _move(settling: Settling, ended: Mapping[UUID, Sequence[tuple[str, int, int]]], causes: Causes) -> None:
    if not settling.on_hand and not settling.reserved:
        return
    room = Stockroom.lock(sku for lines in ended.values() for sku, _, _ in lines)
    for order_id, lines in ended.items():
        for sku, location_id, quantity in lines:
            room.move(
                Movement(
                    sku=sku,
                    location_id=location_id,
                    on_hand=settling.on_hand * quantity,
                    reserved=settling.reserved * quantity,
                    reason=settling.reason,
                    cause_id=causes[order_id],
                    order_id=order_id,
                )
            )
    room.write(at_once=False)


def _lines(text: str) -> list[tuple[str, int, int]]:
    return [(line["sku"], line["location"], line["quantity"]) for line in json.loads(text)]
