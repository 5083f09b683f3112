"""Reads of orders. Other customers' orders are absent, not forbidden."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import connections

from nexus.contracts.base import Envelope, Event
from nexus.contracts.orders import OrderLine as Line
from nexus.contracts.paging import Page, Slice
from nexus.eventbus.stores.postgres_rows import run
from nexus.orders.exceptions import OrderNotFound
from nexus.orders.models import DATABASE, Order, OrderLine, OrderNote, PlacementClaim, Status, store
from nexus.orders.selectors.history import Folded, envelopes_of, find_folded
from nexus.web.keyset import slice_of

READERS = 2
"""Threads that read for the event loop: many who watch must not take the connections of those who buy."""
CLAIMED = """
SELECT customer_id, key FROM orders_placementclaim JOIN unnest(%s::uuid[], %s::text[]) AS asked(customer_id, key)
    USING (customer_id, key)
"""
# No join: planned once, maybe while there was little in the tables, it would go on reading all of them.
OFFERS = """
SELECT sku, name, prices::text, sellable, (SELECT available FROM orders_stockhint AS hint WHERE hint.sku = price.sku)
FROM orders_price AS price WHERE sku = ANY(%s::text[])
"""


_readers = ThreadPoolExecutor(READERS, thread_name_prefix="order-reader")


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
    One order; only if it is this customer's, when one is named. One whose row is lost is read from its events.

    :raises OrderNotFound: there is none, or it is somebody else's
    """
    row = Order.objects.using(DATABASE).filter(id=order_id).first()
    order = _views([row])[0] if row else _from_events(order_id)
    return _of_customer(order, customer_id)


async def get_order_from_loop(*, order_id: UUID, customer_id: UUID) -> OrderView:
    """The same for the event loop, which does not wait for a database: a thread does."""

    def get() -> OrderView:
        try:
            return get_order(order_id=order_id, customer_id=customer_id)
        finally:
            connections[DATABASE].close()

    return await asyncio.get_running_loop().run_in_executor(_readers, get)


def get_order_at(*, order_id: UUID, instant: datetime, customer_id: UUID | None = None) -> OrderView:
    """
    The order as it was at an instant.

    :raises OrderNotFound: there was none yet, or it is somebody else's
    """
    return _of_customer(_from_events(order_id, until=instant), customer_id)


def list_orders(*, customer_id: UUID, page: Page, status: str | None = None) -> Slice[OrderView]:
    """The customer's orders, newest first."""
    orders = Order.objects.using(DATABASE).filter(customer_id=customer_id)
    if status:
        orders = orders.filter(status=status)
    found = slice_of(orders, order=["-placed_at", "-id"], page=page)
    return Slice(items=_views(found.items), next=found.next, previous=found.previous)


def list_events(*, order_id: UUID) -> Sequence[Envelope[Event]]:
    """The order's history, oldest first, from the event store."""
    return list(envelopes_of(store.stream(str(order_id))))


def find_claim(*, customer_id: UUID, key: str) -> PlacementClaim | None:
    """What the customer placed with this Idempotency-Key."""
    return PlacementClaim.objects.using(DATABASE).filter(customer_id=customer_id, key=key).first()


def list_claimed(pairs: Iterable[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Those among pairs of a customer and an Idempotency-Key that placed something, by one statement."""
    customers, keys = zip(*pairs, strict=True)
    return set(run(DATABASE, CLAIMED, [list(customers), list(keys)]))


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
    """The known offers among `skus`, by one statement."""
    return {
        sku: Offer(name=name, prices=msgspec.json.decode(prices), sellable=sellable, available=available)
        for sku, name, prices, sellable, available in run(DATABASE, OFFERS, [sorted(skus)])
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
    notes = _notes(lines)
    return [_view(order, lines=tuple(lines[order.id]), notes=notes) for order in orders]


def _from_events(order_id: UUID, *, until: datetime | None = None) -> OrderView:
    folded = find_folded([order_id], until=until).get(order_id)
    if folded is None:
        raise OrderNotFound
    return _view(folded, lines=folded.lines, notes=_notes([order_id]))


def _of_customer(order: OrderView, customer_id: UUID | None) -> OrderView:
    if customer_id is not None and order.customer_id != customer_id:
        raise OrderNotFound
    return order


def _notes(order_ids: Iterable[UUID]) -> dict[UUID, str]:
    notes = OrderNote.objects.using(DATABASE).filter(order_id__in=list(order_ids))
    return dict(notes.values_list("order_id", "text"))


def _view(order: Order | Folded, *, lines: Sequence[Line], notes: Mapping[UUID, str]) -> OrderView:
    return OrderView(
        id=order.id,
        number=order.number,
        customer_id=order.customer_id,
        status=order.status,
        currency=order.currency,
        total=order.total,
        note=notes.get(order.id, ""),
        reason=order.reason,
        lines=lines,
        placed_at=order.placed_at,
        updated_at=order.updated_at,
        version=order.version,
    )
