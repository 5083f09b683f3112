"""
Orders that wait too long for their verdict are driven on: told as overdue, again and again, each time after twice the
wait. The database's clock decides, and the row's lock lets only one sweeper at a time have an order.
"""

from uuid import UUID

from django.conf import settings
from django.db import connections, transaction

from nexus.contracts.base import Event
from nexus.contracts.correlation import Cause
from nexus.contracts.orders import OrderOverdue, OrderPlaced
from nexus.orders.models import DATABASE, store
from nexus.orders.selectors import envelopes_of
from nexus.orders.services.transitions import move_orders

LONGEST_WAIT = 3600
OVERDUE = """
SELECT id FROM orders_order
WHERE status = 'placed'
    AND placed_at < clock_timestamp() - make_interval(secs => %s)
    AND updated_at < clock_timestamp() - make_interval(secs => least(%s * power(2, least(version, 20) - 1), %s))
    AND id > %s
ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""


def drive_on_overdue_orders(*, batch: int = 200) -> int:
    """
    Tell all orders that are due to be told as overdue, in transactions of at most `batch`; how many it were.

    Each at most once: what is told carries this process's time, by which, when it is behind, they would stay overdue.
    """
    total, last = 0, UUID(int=0)
    while overdue := _drive_on(last, batch):
        total, last = total + len(overdue), overdue[-1]
    return total


def _drive_on(last: UUID, limit: int) -> list[UUID]:
    patience = settings.ORDER_OVERDUE_SECONDS
    with transaction.atomic(using=DATABASE):
        with connections[DATABASE].cursor() as cursor:
            cursor.execute(OVERDUE, [patience, patience, LONGEST_WAIT, last, limit])
            overdue: list[UUID] = [row[0] for row in cursor.fetchall()]
        told: dict[UUID, Event] = {}
        causes: dict[UUID, Cause] = {}
        for envelope in envelopes_of(store.streams([str(order_id) for order_id in overdue])):
            if isinstance(placed := envelope.data, OrderPlaced):
                told[placed.order_id] = OrderOverdue(order_id=placed.order_id, lines=placed.lines)
                # It belongs to the story that the placing began.
                causes[placed.order_id] = envelope.as_cause
        move_orders(told, causes=causes)
    return overdue
