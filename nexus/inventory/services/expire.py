"""Reservations that ran out go back on sale. The database's clock decides, never a worker's."""

from django.db import connections, transaction

from nexus.contracts.base import enclose, uuid7
from nexus.contracts.inventory import ReservationExpired
from nexus.inventory.models import DATABASE, store
from nexus.inventory.services.settle import EXPIRE, settle
from nexus.telemetry import figures

OVERDUE = """
SELECT order_id FROM inventory_reservation WHERE state = 'held' AND expires_at < clock_timestamp()
ORDER BY order_id LIMIT %s FOR UPDATE SKIP LOCKED
"""


def expire_reservations(*, batch: int = 200) -> int:
    """End all overdue reservations and tell it, in transactions of at most `batch`; how many it were."""
    total = 0
    while ended := _expire(batch):
        total += ended
        figures.expired.inc(ended)
    return total


def _expire(limit: int) -> int:
    with transaction.atomic(using=DATABASE):
        with connections[DATABASE].cursor() as cursor:
            cursor.execute(OVERDUE, [limit])
            overdue = {row[0]: uuid7() for row in cursor.fetchall()}
        ended = settle(EXPIRE, overdue) if overdue else []
        sequences = {record.subject: record.sequence for record in store.streams([str(each) for each in ended])}
        store.append(
            [
                enclose(ReservationExpired(order_id=order_id), sequence=sequences.get(str(order_id), 0) + 1)
                for order_id in ended
            ]
        )
    return len(ended)
