"""
Orders and inventory without a bus between them: one order's life, event by event, in the order that a script wants.

A step is either an app's telling something because a person or a sweep made it, or its hearing of an event.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from nexus.contracts.base import Event
from nexus.contracts.catalog import OfferChanged
from nexus.contracts.inventory import ReservationExpired
from nexus.contracts.orders import (
    OrderCancelled,
    OrderDelivered,
    OrderLine,
    OrderOverdue,
    OrderPlaced,
    OrderReturned,
    OrderShipped,
)
from nexus.eventbus.delivery import deliver
from nexus.eventbus.registry import members
from nexus.eventbus.wire import Record
from nexus.inventory import services as inventory
from nexus.inventory.models import Location, Reservation, Stock
from nexus.inventory.models import store as inventory_store
from nexus.orders import services as orders
from nexus.orders.models import Order
from nexus.orders.models import store as orders_store

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
Told = dict[str, Any]
"""A CloudEvents record as JSON has it."""


class Stage:
    """Begins with goods for sale and on the shelf; `order_id` is known once the order is placed."""

    def __init__(self, *, lines: Sequence[OrderLine], stock: Mapping[str, int]) -> None:
        Location.objects.get_or_create(code="main", defaults={"name": "Main warehouse"})
        prices = {line.sku: (line.name, line.unit_price) for line in lines}
        offers = [
            OfferChanged(sku=sku, name=name, prices={"EUR": price}, sellable=True, version=1)
            for sku, (name, price) in prices.items()
        ]
        orders.record_offers(offers)
        inventory.open_items(offers)
        inventory.receive_stock({sku: quantity for sku, quantity in stock.items() if quantity})
        self._lines = lines
        self.order_id = UUID(int=0)

    def tells(self, kind: type[Event], *, customer_id: UUID, reason: str) -> None:
        """Make an app tell such an event, by what makes it do so in earnest."""
        if kind is OrderPlaced:
            wanted = [
                orders.Line(sku=line.sku, quantity=line.quantity, position=position)
                for position, line in enumerate(self._lines)
            ]
            self.order_id = orders.place_order(customer_id=customer_id, lines=wanted, currency="EUR").order.id
        elif kind is ReservationExpired:
            Reservation.objects.filter(order_id=self.order_id).update(expires_at=LONG_AGO)
            inventory.expire_reservations()
        elif kind is OrderOverdue:
            Order.objects.filter(id=self.order_id).update(placed_at=LONG_AGO, updated_at=LONG_AGO)
            orders.drive_on_overdue_orders()
        elif kind is OrderCancelled:
            orders.cancel_order(order_id=self.order_id, reason=reason)
        else:
            COMMANDS[kind](order_id=self.order_id)

    def hears(self, app: str, told: Told) -> None:
        """Deliver an event as a bus would, through JSON and the inbox."""
        outcome = deliver(member=members[app], message=json.dumps([told]))
        assert not outcome.buried, f"{app} cannot handle {told}"

    def told(self) -> list[Told]:
        """The order's streams in the logs of orders and of inventory, each in its order."""
        records = [*orders_store.stream(str(self.order_id)), *inventory_store.stream(str(self.order_id))]
        return [_as_json(record) for record in records]

    def end(self) -> dict[str, Any]:
        """How it ended: the order's status, its reservation's state, and what is on hand and reserved of each sku."""
        reservation = Reservation.objects.filter(order_id=self.order_id).first()
        stock = Stock.objects.filter(sku__in=[line.sku for line in self._lines]).order_by("sku")
        return {
            "status": Order.objects.get(id=self.order_id).status,
            "reservation": reservation and reservation.state,
            "stock": {each.sku: [each.on_hand, each.reserved] for each in stock},
        }


COMMANDS: dict[type[Event], Any] = {
    OrderShipped: orders.ship_order,
    OrderDelivered: orders.deliver_order,
    OrderReturned: orders.return_order,
}


def _as_json(record: Record) -> Told:
    told: Told = json.loads(msgspec.json.encode(record))
    return told
