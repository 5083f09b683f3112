"""
The event log, the inbox, the dead letters and the relays' positions: in every Postgres app's own database.

The log's order is `(xid, id)`: the transaction that wrote, then the UUIDv7 of the event. Positions handed out by a
sequence would let a slow transaction commit behind a relay that has already passed (ADR 0003).
"""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models


class VerbatimJSONField(models.TextField):
    """JSON kept as written (type ``json``): the relay hands it on byte for byte, without a parse."""

    def db_type(self, connection: object) -> str:
        return "json"


class Xid8Field(models.BigIntegerField):
    """The 64-bit id of the writing transaction; Postgres fills it in."""

    def db_type(self, connection: object) -> str:
        return "xid8"


class EventRecord(models.Model):
    """One fact that was told. Never changed, never deleted."""

    id = models.UUIDField(primary_key=True)
    xid = Xid8Field(editable=False)
    type = models.TextField()
    subject = models.TextField()
    sequence = models.BigIntegerField()
    time = models.DateTimeField()
    data = VerbatimJSONField()
    correlation_id = models.TextField(default="")
    causation_id = models.TextField(default="")
    traceparent = models.TextField(default="")

    class Meta:
        db_table = "event_log"

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"


class InboxEntry(models.Model):
    """An event that took effect here; its being here twice is what the primary key forbids."""

    pk = models.CompositePrimaryKey("subscriber", "event_id")
    subscriber = models.TextField()
    event_id = models.UUIDField()
    processed_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        db_table = "inbox"
        indexes = [BrinIndex(fields=["processed_at"], name="inbox_processed_at")]

    def __str__(self) -> str:
        return f"{self.subscriber} {self.event_id}"


class DeadLetter(models.Model):
    """An event that a subscriber could not handle, kept whole for people to look at and replay."""

    subscriber = models.TextField()
    event_id = models.UUIDField()
    type = models.TextField()
    event = models.TextField(help_text="The event as it travelled")
    error = models.TextField()
    attempts = models.PositiveIntegerField(default=1)
    first_failed_at = models.DateTimeField(auto_now_add=True)
    last_failed_at = models.DateTimeField(auto_now=True)
    replayed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "dead_letter"
        constraints = [models.UniqueConstraint(fields=["subscriber", "event_id"], name="one_dead_letter_per_event")]

    def __str__(self) -> str:
        return f"{self.type} for {self.subscriber}"


class RelayCursor(models.Model):
    """How far a consumer has followed the log."""

    consumer = models.TextField(primary_key=True)
    position = models.TextField()
    moved_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "relay_cursor"

    def __str__(self) -> str:
        return f"{self.consumer} at {self.position}"
