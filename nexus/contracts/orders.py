"""What orders tells: every step of an order's life."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from nexus.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class OrderLine:
    """One line at the price of the moment."""

    sku: str
    name: Annotated[str, "as it was when the order was placed"]
    quantity: Annotated[int, "pieces, at least 1"]
    unit_price: Annotated[int, "minor units of the order's currency"]


@dataclass(frozen=True, kw_only=True)
class _OrderEvent(Event):
    order_id: UUID

    @property
    def subject(self) -> str:
        return str(self.order_id)


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(_OrderEvent, name="orders.order-placed.v1"):
    """A customer placed an order; stock is not yet reserved. (`OrderPlacedEvent` in the original's diagram.)"""

    number: Annotated[str, "for people, such as N-2026-000123"]
    customer_id: UUID
    currency: Annotated[str, "ISO 4217"]
    total: Annotated[int, "minor units of the currency: the sum over the lines"]
    lines: Annotated[tuple[OrderLine, ...], "one at least, with distinct skus"]


@dataclass(frozen=True, kw_only=True)
class OrderOverdue(_OrderEvent, name="orders.order-overdue.v1"):
    """
    No verdict about the order's stock has come for too long; inventory is asked to give it, or to say it again.

    The `lines` are told once more, because that the order was placed may never have been heard.
    """

    lines: Annotated[tuple[OrderLine, ...], "one at least, with distinct skus"]


@dataclass(frozen=True, kw_only=True)
class OrderConfirmed(_OrderEvent, name="orders.order-confirmed.v1", listeners=False):
    """Every line is reserved: the shop stands by this order."""


@dataclass(frozen=True, kw_only=True)
class OrderRejected(_OrderEvent, name="orders.order-rejected.v1", listeners=False):
    """A line was short; nothing stays reserved."""

    reason: Annotated[str, "for people"]


@dataclass(frozen=True, kw_only=True)
class OrderCancelled(_OrderEvent, name="orders.order-cancelled.v1"):
    """The order was called off before it was shipped; its stock goes back on sale."""

    reason: Annotated[str, "for people"]


@dataclass(frozen=True, kw_only=True)
class OrderExpired(_OrderEvent, name="orders.order-expired.v1", listeners=False):
    """The reservation ran out before the order was shipped."""


@dataclass(frozen=True, kw_only=True)
class OrderShipped(_OrderEvent, name="orders.order-shipped.v1"):
    """The goods left the building."""


@dataclass(frozen=True, kw_only=True)
class OrderDelivered(_OrderEvent, name="orders.order-delivered.v1", listeners=False):
    """The goods arrived."""


@dataclass(frozen=True, kw_only=True)
class OrderReturned(_OrderEvent, name="orders.order-returned.v1"):
    """The goods came back and are fit for sale."""
