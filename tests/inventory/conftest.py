"""Inventory alone: what it hears is told by the tests."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import pytest

from nexus.contracts.base import EVENTS, Envelope, Event, enclose, uuid7
from nexus.contracts.catalog import OfferChanged
from nexus.contracts.orders import OrderCancelled, OrderLine, OrderPlaced, OrderReturned, OrderShipped
from nexus.eventbus.delivery import Outcome, deliver
from nexus.eventbus.models import EventRecord
from nexus.eventbus.registry import members
from nexus.eventbus.wire import encode, record_of
from nexus.inventory import cache, services
from nexus.inventory.models import DATABASE, LedgerEntry, Location, Reservation, Stock


class Stockroom:
    """A stockroom with orders coming in from nowhere."""

    def has(self, **quantities: int) -> None:
        offers = [OfferChanged(sku=sku, name=sku, prices={"EUR": 1}, sellable=True, version=1) for sku in quantities]
        services.open_items(offers)
        services.receive_stock({sku: quantity for sku, quantity in quantities.items() if quantity})

    def hears(self, *events: Event) -> Outcome:
        return self.hears_again([enclose(event, sequence=1) for event in events])

    def hears_again(self, envelopes: Sequence[Envelope[Event]]) -> Outcome:
        message = encode([record_of(envelope) for envelope in envelopes])
        return deliver(member=members["inventory"], message=message)

    def order(self, **quantities: int) -> OrderPlaced:
        """An order as it would be told."""
        lines = tuple(OrderLine(sku=sku, name=sku, quantity=n, unit_price=1) for sku, n in quantities.items())
        return OrderPlaced(order_id=uuid7(), number="N-1", customer_id=uuid7(), currency="EUR", total=1, lines=lines)

    def reserve(self, **quantities: int) -> UUID:
        order = self.order(**quantities)
        self.hears(order)
        return order.order_id

    def cancel(self, order_id: UUID) -> Outcome:
        return self.hears(OrderCancelled(order_id=order_id, reason="changed my mind"))

    def ship(self, order_id: UUID) -> Outcome:
        return self.hears(OrderShipped(order_id=order_id))

    def take_back(self, order_id: UUID) -> Outcome:
        return self.hears(OrderReturned(order_id=order_id))

    def on_hand(self) -> dict[str, int]:
        return self._sums("on_hand")

    def reserved(self) -> dict[str, int]:
        return self._sums("reserved")

    def state_of(self, order_id: UUID) -> str | None:
        return Reservation.objects.filter(order_id=order_id).values_list("state", flat=True).first()

    def told_about(self, subject: object) -> list[str]:
        """The class names of what was told, oldest first."""
        records = EventRecord.objects.using(DATABASE).filter(subject=str(subject)).order_by("sequence")
        return [EVENTS[record.type].__name__ for record in records]

    def books_balance(self) -> bool:
        """Counters and sums of the ledger agree for every sku and location."""
        counters = {(s.sku, s.location_id): (s.on_hand, s.reserved) for s in Stock.objects.all()}
        sums = dict.fromkeys(counters, (0, 0))
        for entry in LedgerEntry.objects.all():
            there, kept = sums[entry.sku, entry.location_id]
            sums[entry.sku, entry.location_id] = (there + entry.on_hand, kept + entry.reserved)
        return counters == sums

    def expire(self, order_id: UUID, at: datetime) -> None:
        Reservation.objects.filter(order_id=order_id).update(expires_at=at)

    def _sums(self, column: str) -> dict[str, int]:
        totals: dict[str, int] = {}
        for stock in Stock.objects.all():
            totals[stock.sku] = totals.get(stock.sku, 0) + getattr(stock, column)
        return totals


@pytest.fixture
def stockroom(request: pytest.FixtureRequest, clean_redis: object) -> Stockroom:
    # A test that commits leaves the tables empty, the location of the first migration included.
    cache.wake()
    Location.objects.get_or_create(code="main", defaults={"name": "Main warehouse", "rank": 0})
    return Stockroom()
