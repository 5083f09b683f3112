"""
Counters, reservations and the ledger. The ledger is append-only and its sums equal the counters at every instant:
both are written by one statement. CHECK constraints are the last defence against overselling.
"""

from django.db import models
from django.db.models import F, Q

from nexus.eventbus import models as bus
from nexus.eventbus.stores.postgres import PostgresStore

DATABASE = "inventory"
MAIN_LOCATION = "main"
MOST_ON_HAND = 1_000_000_000
store = PostgresStore(DATABASE)


class Location(models.Model):
    """A place where goods lie; orders are served from the one with the lowest `rank` first."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    rank = models.PositiveSmallIntegerField(default=100)

    def __str__(self) -> str:
        return self.name


class Item(models.Model):
    """A sku that catalog offers, with its name for people; its stock begins at nothing."""

    sku = models.CharField(max_length=64, primary_key=True)
    name = models.CharField(max_length=300)
    offer_version = models.BigIntegerField()

    def __str__(self) -> str:
        return self.sku


class Stock(models.Model):
    """The counters of one sku at one location; what can be sold is `on_hand` less `reserved`."""

    sku = models.CharField(max_length=64)
    # An index of it alone would only mislead the planner: all skus lie at a few places.
    location = models.ForeignKey(Location, models.PROTECT, related_name="stock", db_index=False)
    on_hand = models.PositiveIntegerField(default=0)
    reserved = models.PositiveIntegerField(default=0)
    version = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "stock"
        constraints = [
            models.UniqueConstraint(fields=["sku", "location"], name="one_counter_per_place"),
            models.CheckConstraint(condition=Q(reserved__lte=F("on_hand")), name="never_oversold"),
            models.CheckConstraint(condition=Q(on_hand__gte=0), name="on_hand_not_negative"),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="reserved_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.sku} at {self.location}"


class UntoldLevel(models.Model):
    """A sku whose level has changed `since` and is still to be announced; written under the lock of its counters."""

    sku = models.CharField(max_length=64, primary_key=True)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return self.sku


class State(models.TextChoices):
    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"
    EXPIRED = "expired"
    RETURNED = "returned"
    REJECTED = "rejected"


class Reservation(models.Model):
    """
    What is set aside for an order: its verdict, given once. `lines` is a list of ``{"sku", "location", "quantity"}``;
    an order that was short has a rejected one without lines, and a cancelled order that was never reserved leaves a
    released one, so that a late `OrderPlaced` finds it and stays away.
    """

    order_id = models.UUIDField(primary_key=True)
    state = models.CharField(max_length=10, choices=State.choices)
    lines = models.JSONField(default=list)
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="reservations_held", condition=Q(state="held"))]

    def __str__(self) -> str:
        return f"{self.state} for {self.order_id}"


class Reason(models.TextChoices):
    RESERVED = "reserved"
    RELEASED = "released"
    EXPIRED = "expired"
    SHIPPED = "shipped"
    RECEIVED = "received"
    COUNTED = "counted"
    DAMAGED = "damaged"
    RETURNED = "returned"
    CORRECTION = "correction"
    SENT = "sent"
    ARRIVED = "arrived"


ADJUSTMENTS = (Reason.RECEIVED, Reason.COUNTED, Reason.DAMAGED, Reason.RETURNED, Reason.CORRECTION)
"""Why a person or a warehouse system may change what is on hand."""


class LedgerEntry(models.Model):
    """One movement; never changed, never deleted. `cause_id` is the event or the adjustment behind it."""

    sku = models.CharField(max_length=64)
    location = models.ForeignKey(Location, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    on_hand = models.IntegerField(help_text="Change of what is there")
    reserved = models.IntegerField(help_text="Change of what is set aside")
    version = models.BigIntegerField(default=0, help_text="The counter's version after it")
    reason = models.CharField(max_length=10, choices=Reason.choices)
    cause_id = models.UUIDField()
    order_id = models.UUIDField(null=True)
    actor = models.CharField(max_length=64, blank=True)
    note = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "ledger entries"
        indexes = [models.Index(fields=["sku", "-id"], name="ledger_of_sku")]
        constraints = [
            # The inbox stops a second delivery long before; this stops whatever the inbox might miss.
            models.UniqueConstraint(fields=["cause_id", "sku", "location"], name="one_movement_per_cause")
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.sku} {self.on_hand:+} {self.reserved:+}"


class Share(models.Model):
    """
    Stock that goes from one region to another: the same transfer in the books of both. On the way until it has arrived,
    which the region that sent it hears.
    """

    transfer_id = models.UUIDField(primary_key=True)
    sku = models.CharField(max_length=64)
    quantity = models.PositiveIntegerField()
    from_region = models.CharField(max_length=20)
    to_region = models.CharField(max_length=20)
    sent_at = models.DateTimeField()
    arrived_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["sku"], name="shares_on_the_way", condition=Q(arrived_at=None))]

    def __str__(self) -> str:
        return f"{self.quantity} {self.sku} from {self.from_region} to {self.to_region}"


class Shortage(models.Model):
    """
    A sku of which few are left here: at which level other regions were last asked for a share, how often they were, and
    when they are again unless some more is sold before.
    """

    sku = models.CharField(max_length=64, primary_key=True)
    level = models.IntegerField()
    tries = models.PositiveIntegerField()
    due_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.sku


class LoggedEvent(bus.EventRecord):
    """The log of inventory, for the admin."""

    class Meta:
        proxy = True
        verbose_name = "event"
        verbose_name_plural = "event log"


class DeadLetter(bus.DeadLetter):
    """What inventory could not handle, for the admin."""

    class Meta:
        proxy = True
