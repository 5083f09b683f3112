"""Setting stock aside for orders, many at once: all lines of an order or none, rows locked once for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID

from django.conf import settings
from msgspec.json import encode

from nexus.contracts.base import Envelope, Event, enclose
from nexus.contracts.correlation import Cause
from nexus.contracts.inventory import StockRejected, StockReserved
from nexus.eventbus.stores.postgres_rows import run
from nexus.eventbus.wire import Record, envelope_of
from nexus.inventory.models import DATABASE, Reason, Reservation, State, store
from nexus.inventory.services.stockroom import Movement, Stockroom

DECIDED = "SELECT order_id FROM inventory_reservation WHERE order_id = ANY(%s::uuid[])"
RECORD = """
INSERT INTO inventory_reservation (order_id, state, lines, expires_at, created_at, updated_at)
SELECT *, clock_timestamp(), clock_timestamp() FROM unnest(%s::uuid[], %s::text[], %s::jsonb[], %s::timestamptz[])
"""


Row = tuple[UUID, str, str, datetime | None]
"""A reservation: order, state, lines as JSON, when it expires."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What one order wants: distinct skus with quantities. `cause_id` is the event that says so."""

    order_id: UUID
    lines: Sequence[tuple[str, int]]
    cause_id: UUID
    cause: Cause


def answer_again(wanted: Sequence[Wanted]) -> None:
    """
    Say once more what became of orders that wait for their verdict, and judge those that never came here.

    What is said is the verdict as it was told first. Must run inside a transaction of the inventory database.
    """
    waiting = {order.order_id: order for order in wanted}
    # The lock keeps a sweep from ending a reservation while its verdict is being repeated.
    decided = Reservation.objects.using(DATABASE).filter(order_id__in=list(waiting)).order_by("order_id")
    known = {each.order_id for each in decided.select_for_update()}
    streams = groupby(store.streams([str(order_id) for order_id in sorted(known)]), key=lambda record: record.subject)
    answers = [_repeated(list(told), cause=waiting[UUID(subject)].cause) for subject, told in streams]
    store.append(answers)
    reserve_stock([order for order in wanted if order.order_id not in known])


def _repeated(told: Sequence[Record], *, cause: Cause) -> Envelope[Event]:
    """The last that was told of an order, as a new event in its stream."""
    last = envelope_of(told[-1])
    return enclose(last.data, sequence=last.sequence + 1, cause=cause)


def reserve_stock(wanted: Sequence[Wanted]) -> None:
    """
    Give every order its verdict, first come first served: `StockReserved` or `StockRejected`.

    An order that has its verdict already, or was cancelled before it came here, gets none. Must run inside a
    transaction of the inventory database.
    """
    if not (orders := _undecided(wanted)):
        return
    room = Stockroom.lock(sku for order in orders for sku, _ in order.lines)
    expires_at = expiry()
    rows: list[Row] = []
    verdicts: list[Envelope[Event]] = []
    for order in orders:
        verdict: Event
        if short := tuple(sku for sku, quantity in order.lines if room.available(sku) < quantity):
            rows.append((order.order_id, State.REJECTED.value, "[]", None))
            verdict = StockRejected(order_id=order.order_id, skus=short)
        else:
            lines = set_aside(room, order)
            rows.append((order.order_id, State.HELD.value, encode(lines).decode(), expires_at))
            verdict = StockReserved(order_id=order.order_id, expires_at=expires_at)
        verdicts.append(enclose(verdict, sequence=1, cause=order.cause))
    run(DATABASE, RECORD, [list(column) for column in zip(*rows, strict=True)])
    store.append(verdicts)
    room.write(at_once=False)


def _undecided(wanted: Sequence[Wanted]) -> list[Wanted]:
    """The first message of each order that has no reservation yet."""
    by_order = {order.order_id: order for order in reversed(wanted)}
    decided = {order_id for [order_id] in run(DATABASE, DECIDED, [list(by_order)])}
    return [order for order in wanted if order.order_id not in decided and by_order[order.order_id] is order]


def set_aside(room: Stockroom, order: Wanted) -> list[dict[str, object]]:
    """The lines of the reservation, each from one place."""
    lines: list[dict[str, object]] = []
    for sku, quantity in order.lines:
        for location_id, taken in room.places_for(sku, quantity):
            lines.append({"sku": sku, "location": location_id, "quantity": taken})
            room.move(
                Movement(
                    sku=sku,
                    location_id=location_id,
                    reserved=taken,
                    reason=Reason.RESERVED,
                    cause_id=order.cause_id,
                    order_id=order.order_id,
                )
            )
    return lines


def expiry() -> datetime | None:
    """Until when what is set aside now stays so; None for ever."""
    hours = settings.RESERVATION_HOURS
    return datetime.now(UTC) + timedelta(hours=hours) if hours else None
