"""Setting stock aside for orders, many at once: all lines of an order or none, rows locked once for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings

from nexus.contracts.base import Envelope, Event, enclose
from nexus.contracts.correlation import Cause
from nexus.contracts.inventory import StockRejected, StockReserved
from nexus.inventory.models import DATABASE, Reason, Reservation, State, store
from nexus.inventory.services.stockroom import Movement, Stockroom


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What one order wants: distinct skus with quantities. `cause_id` is the event that says so."""

    order_id: UUID
    lines: Sequence[tuple[str, int]]
    cause_id: UUID
    cause: Cause


def reserve_stock(wanted: Sequence[Wanted]) -> None:
    """
    Give every order its verdict, first come first served: `StockReserved` or `StockRejected`.

    An order that has a reservation already, or was cancelled before it came here, gets none. Must run inside a
    transaction of the inventory database.
    """
    orders = _undecided(wanted)
    room = Stockroom.lock(sku for order in orders for sku, _ in order.lines)
    expires_at = _expiry()
    reservations: list[Reservation] = []
    verdicts: list[Envelope[Event]] = []
    for order in orders:
        verdict: Event
        if short := tuple(sku for sku, quantity in order.lines if room.available(sku) < quantity):
            verdict = StockRejected(order_id=order.order_id, skus=short)
        else:
            reservations.append(_set_aside(room, order, expires_at))
            verdict = StockReserved(order_id=order.order_id, expires_at=expires_at)
        verdicts.append(enclose(verdict, sequence=1, cause=order.cause))
    Reservation.objects.using(DATABASE).bulk_create(reservations)
    store.append(verdicts)
    room.write()


def _undecided(wanted: Sequence[Wanted]) -> list[Wanted]:
    """The first message of each order that has no reservation yet."""
    by_order = {order.order_id: order for order in reversed(wanted)}
    known = Reservation.objects.using(DATABASE).filter(order_id__in=list(by_order))
    decided = set(known.values_list("order_id", flat=True))
    return [order for order in wanted if order.order_id not in decided and by_order[order.order_id] is order]


def _set_aside(room: Stockroom, order: Wanted, expires_at: datetime | None) -> Reservation:
    lines = []
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
    return Reservation(order_id=order.order_id, state=State.HELD, lines=lines, expires_at=expires_at)


def _expiry() -> datetime | None:
    hours = settings.RESERVATION_HOURS
    return datetime.now(UTC) + timedelta(hours=hours) if hours else None
