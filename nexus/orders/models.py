"""
An order's row is the fold of its events; both are written by one statement, and nothing else changes an order.

References are ids and skus, names and prices are copied at the time of the fact; no foreign key leaves the app, and
none binds lines to orders either: one statement writes both, and the check would cost every order on the hot path.
"""

from django.db import models

from nexus.contracts.base import Event
from nexus.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderExpired,
    OrderOverdue,
    OrderRejected,
    OrderReturned,
    OrderShipped,
)
from nexus.eventbus import models as bus
from nexus.eventbus.stores.postgres import PostgresStore

DATABASE = "orders"
store = PostgresStore(DATABASE)


class Status(models.TextChoices):
    PLACED = "placed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    RETURNED = "returned"


TRANSITIONS: dict[type[Event], tuple[frozenset[Status], Status]] = {
    OrderOverdue: (frozenset({Status.PLACED}), Status.PLACED),
    OrderConfirmed: (frozenset({Status.PLACED}), Status.CONFIRMED),
    OrderRejected: (frozenset({Status.PLACED}), Status.REJECTED),
    OrderCancelled: (frozenset({Status.PLACED, Status.CONFIRMED}), Status.CANCELLED),
    # From placed too: the news that a reservation ran out may overtake the news that there was one.
    OrderExpired: (frozenset({Status.PLACED, Status.CONFIRMED}), Status.EXPIRED),
    OrderShipped: (frozenset({Status.CONFIRMED}), Status.SHIPPED),
    OrderDelivered: (frozenset({Status.SHIPPED}), Status.DELIVERED),
    OrderReturned: (frozenset({Status.SHIPPED, Status.DELIVERED}), Status.RETURNED),
}
"""Which event leads from where to where: the whole life of an order after it was placed."""


class Order(models.Model):
    """`total` in minor units of `currency`; `version` counts the order's events."""

    id = models.UUIDField(primary_key=True, editable=False)
    number = models.CharField(max_length=20, unique=True)
    customer_id = models.UUIDField()
    status = models.CharField(max_length=10, choices=Status.choices)
    currency = models.CharField(max_length=3)
    total = models.BigIntegerField()
    reason = models.CharField(max_length=200, blank=True)
    placed_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        indexes = [
            models.Index(fields=["customer_id", "-placed_at", "-id"], name="orders_of_customer"),
            models.Index(fields=["placed_at"], name="orders_unsettled", condition=models.Q(status="placed")),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=Status.values), name="order_status_known"),
            models.CheckConstraint(condition=models.Q(total__gte=0), name="order_total_not_negative"),
        ]

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    """`unit_price` in minor units of the order's currency."""

    pk = models.CompositePrimaryKey("order_id", "position")
    order_id = models.UUIDField()
    position = models.PositiveSmallIntegerField()
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=300)
    quantity = models.PositiveIntegerField()
    unit_price = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(quantity__gte=1), name="order_line_quantity_positive")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.sku}"


class OrderNote(models.Model):
    """
    What the customer wrote on an order. Personal, so it is told in no event, stands apart from what can be rebuilt from
    them, and goes when the customer is erased.
    """

    order_id = models.UUIDField(primary_key=True)
    customer_id = models.UUIDField(db_index=True)
    text = models.CharField(max_length=500)

    def __str__(self) -> str:
        return self.text


class PlacementClaim(models.Model):
    """An Idempotency-Key that a customer placed an order with; kept for 24 hours."""

    pk = models.CompositePrimaryKey("customer_id", "key")
    customer_id = models.UUIDField()
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    order_id = models.UUIDField()
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.customer_id} {self.key}"


class Price(models.Model):
    """The price book: the newest offer of each sku that catalog told, by version."""

    sku = models.CharField(max_length=64, primary_key=True)
    name = models.CharField(max_length=300)
    prices = models.JSONField(help_text="Minor units by currency")
    sellable = models.BooleanField()
    version = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "price book"

    def __str__(self) -> str:
        return self.sku


class StockHint(models.Model):
    """The newest level that inventory told of a sku: enough to refuse what is known to be sold out."""

    sku = models.CharField(max_length=64, primary_key=True)
    available = models.IntegerField()
    version = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.available} × {self.sku}"


class LoggedEvent(bus.EventRecord):
    """The log of orders, for the admin."""

    class Meta:
        proxy = True
        verbose_name = "event"
        verbose_name_plural = "event log"


class DeadLetter(bus.DeadLetter):
    """What orders could not handle, for the admin."""

    class Meta:
        proxy = True
