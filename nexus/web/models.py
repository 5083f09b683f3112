"""Idempotency keys, in every app's own database beside the tables that the keyed request changes."""

from django.db import models


class IdempotencyKey(models.Model):
    """The first answer to a keyed POST, kept for 24 hours; `scope` is the caller and the route."""

    scope = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField(help_text="JSON as it was sent: a replay is the same to the byte")
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
