"""Reads of orders. Other customers' orders are absent, not forbidden."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Subquery

from nexus.contracts.base import Envelope, Event
from nexus.contracts.orders import OrderLine as Line
from nexus.contracts.paging import Page, Slice
from nexus.eventbus.wire import envelope_of
from nexus.orders.exceptions import OrderNotFound
from nexus.orders.models import DATABASE, Order, OrderLine, PlacementClaim, Price, Status, StockHint, store
from nexus.web.keyset import slice_of


@dataclass(frozen=True, kw_only=True)
class OrderView:
    """An order as its customer sees it; amounts in minor units of `currency`."""

    id: UUID
    number: str
    customer_id: UUID
    status: str
    currency: str
    total: int
    note: str
    reason: str
    lines: Sequence[Line]
    placed_at: datetime
    updated_at: datetime
    version: int


def get_order(*, order_id: UUID, customer_id: UUID | None = None) -> OrderView:
    """
    One order; only if it is this customer's, when one is named.

    :raises OrderNotFound: there is none, or it is somebody else's
    """
    mine = {"customer_id": customer_id} if customer_id else {}
    order = Order.objects.using(DATABASE).filter(id=order_id, **mine).first()
    if order is None:
        raise OrderNotFound
    return _views([order])[0]


def list_orders(*, customer_id: UUID, page: Page, status: str | None = None) -> Slice[OrderView]:
    """The customer's orders, newest first."""
    orders = Order.objects.using(DATABASE).filter(customer_id=customer_id)
    if status:
        orders = orders.filter(status=status)
    found = slice_of(orders, order=["-placed_at", "-id"], page=page)
    return Slice(items=_views(found.items), next=found.next, previous=found.previous)


def list_events(*, order_id: UUID) -> Sequence[Envelope[Event]]:
    """The order's history, oldest first, from the event store."""
    return [envelope_of(record) for record in store.stream(str(order_id))]


def find_claim(*, customer_id: UUID, key: str) -> PlacementClaim | None:
    """What the customer placed with this Idempotency-Key."""
    return PlacementClaim.objects.using(DATABASE).filter(customer_id=customer_id, key=key).first()


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a sku costs, in minor units by currency, and how many there are as far as is known."""

    name: str
    prices: dict[str, int]
    sellable: bool
    available: int | None

    @property
    def sold_out(self) -> bool:
        return self.available is not None and self.available <= 0


def list_offers(skus: Iterable[str]) -> dict[str, Offer]:
    """The known offers among `skus`, in one query."""
    hint = StockHint.objects.filter(sku=OuterRef("sku")).values("available")
    rows = Price.objects.using(DATABASE).filter(sku__in=list(skus)).annotate(available=Subquery(hint))
    return {
        row.sku: Offer(name=row.name, prices=row.prices, sellable=row.sellable, available=row.available) for row in rows
    }


def list_settled(order_ids: Iterable[UUID]) -> set[UUID]:
    """Those among the orders that are no longer waiting for stock."""
    orders = Order.objects.using(DATABASE).filter(id__in=list(order_ids))
    return set(orders.exclude(status=Status.PLACED).values_list("id", flat=True))


def _views(orders: Sequence[Order]) -> list[OrderView]:
    lines: dict[UUID, list[Line]] = {order.id: [] for order in orders}
    rows = OrderLine.objects.using(DATABASE).filter(order_id__in=list(lines)).order_by("order_id", "position")
    for row in rows:
        line = Line(sku=row.sku, name=row.name, quantity=row.quantity, unit_price=row.unit_price)
        lines[row.order_id].append(line)
    return [
        OrderView(
            id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            status=order.status,
            currency=order.currency,
            total=order.total,
            note=order.note,
            reason=order.reason,
            lines=tuple(lines[order.id]),
            placed_at=order.placed_at,
            updated_at=order.updated_at,
            version=order.version,
        )
        for order in orders
    ]
