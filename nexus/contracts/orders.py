"""What orders tells: every step of an order's life."""

from dataclasses import dataclass
from uuid import UUID

from nexus.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class OrderLine:
    """One line at the price of the moment; `unit_price` in minor units of the order's currency."""

    sku: str
    name: str
    quantity: int
    unit_price: int


@dataclass(frozen=True, kw_only=True)
class _OrderEvent(Event):
    order_id: UUID

    @property
    def subject(self) -> str:
        return str(self.order_id)


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(_OrderEvent, name="orders.order-placed.v1"):
    """
    A customer placed an order; stock is not yet reserved. (`OrderPlacedEvent` in the original's diagram.)

    `total` is in minor units of `currency`; lines have distinct skus.
    """

    number: str
    customer_id: UUID
    currency: str
    total: int
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, kw_only=True)
class OrderConfirmed(_OrderEvent, name="orders.order-confirmed.v1", listeners=False):
    """Every line is reserved: the shop stands by this order."""


@dataclass(frozen=True, kw_only=True)
class OrderRejected(_OrderEvent, name="orders.order-rejected.v1", listeners=False):
    """A line was short; nothing stays reserved."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderCancelled(_OrderEvent, name="orders.order-cancelled.v1"):
    """The order was called off before it was shipped; its stock goes back on sale."""

    reason: str


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
