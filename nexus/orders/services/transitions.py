"""Moving orders on: one table says from where to where, one guarded statement does it and tells it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from nexus.contracts.base import Envelope, Event, enclose, made_at
from nexus.contracts.correlation import Cause, current_cause
from nexus.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderRejected,
    OrderReturned,
    OrderShipped,
)
from nexus.eventbus.stores.postgres_rows import columns_of, run
from nexus.eventbus.wire import record_of
from nexus.orders.exceptions import WrongStatus
from nexus.orders.models import DATABASE, TRANSITIONS, Order, OrderNote, Status
from nexus.orders.selectors import OrderView, get_order
from nexus.orders.services.answers import answers
from nexus.orders.services.restore import restore_orders
from nexus.telemetry import figures

# Rows are locked in one order, so that two batches never wait for each other; an order that has left the states the
# event starts from is passed over. The log takes its sequence from the row, whose version is the optimistic lock.
MOVE = """
WITH event AS (
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::json[],
                         %s::text[], %s::text[], %s::text[])
        AS t(id, type, subject, sequence, time, data, correlation_id, causation_id, traceparent)
), locked AS (
    SELECT id FROM orders_order
    WHERE id IN (SELECT subject::uuid FROM event) AND status = ANY(%s::text[])
    ORDER BY id FOR UPDATE
), moved AS (
    UPDATE orders_order AS o
    SET status = %s, version = o.version + 1, updated_at = event.time,
        reason = coalesce(event.data->>'reason', o.reason)
    FROM event JOIN locked ON locked.id = event.subject::uuid
    WHERE o.id = locked.id
    RETURNING o.id, o.version
)
INSERT INTO event_log (id, type, subject, sequence, time, data, correlation_id, causation_id, traceparent)
SELECT event.id, type, subject, moved.version, time, data, correlation_id, causation_id, traceparent
FROM event JOIN moved ON moved.id = event.subject::uuid
RETURNING subject
"""

VERDICTS = (OrderConfirmed, OrderRejected)


def move_orders(events: Mapping[UUID, Event], *, causes: Mapping[UUID, Cause] | None = None) -> set[UUID]:
    """
    Apply one event of the same type to each order whose status allows it, and tell it; the orders that moved.

    An order that is past it already is left alone: events may be late, doubled or crossing.
    """
    if not events:
        return set()
    kind = type(next(iter(events.values())))
    before, after = TRANSITIONS[kind]
    now = datetime.now(UTC)
    envelopes: list[Envelope[Event]] = [
        enclose(events[order_id], sequence=0, cause=(causes or {}).get(order_id, current_cause()), at=now)
        for order_id in sorted(events)
    ]
    moved = _move(envelopes, before=before, after=after)
    if len(moved) < len(events):
        # Even when nothing had to be restored: somebody else may be restoring the same row at this moment, who was
        # waited for here. Only a row that is visible and past the event is left alone.
        restore_orders(_without_row(events.keys() - moved))
        moved |= _move([each for each in envelopes if UUID(each.subject) not in moved], before=before, after=after)
    if kind in VERDICTS:
        took = figures.saga.labels(after.value)
        for order_id in moved:
            took.observe(max(0.0, now.timestamp() - made_at(order_id)))
    return moved


def cancel_order(*, order_id: UUID, customer_id: UUID | None = None, reason: str = "by the customer") -> OrderView:
    """
    Call an order off; its stock goes back on sale.

    :raises OrderNotFound: there is none, or it is somebody else's
    :raises WrongStatus: it was shipped, or has ended already
    """
    return _move_one(OrderCancelled(order_id=order_id, reason=reason), customer_id=customer_id)


def ship_order(*, order_id: UUID) -> OrderView:
    """:raises OrderNotFound: there is none; :raises WrongStatus: it is not confirmed"""
    return _move_one(OrderShipped(order_id=order_id))


def deliver_order(*, order_id: UUID) -> OrderView:
    """:raises OrderNotFound: there is none; :raises WrongStatus: it is not on its way"""
    return _move_one(OrderDelivered(order_id=order_id))


def return_order(*, order_id: UUID) -> OrderView:
    """:raises OrderNotFound: there is none; :raises WrongStatus: it was not shipped"""
    return _move_one(OrderReturned(order_id=order_id))


def forget_customer(customer_id: UUID) -> None:
    """Drop what a customer wrote, kept answers included; their orders stay, under an id that names nobody any more."""
    answers.forget_caller(str(customer_id))
    OrderNote.objects.using(DATABASE).filter(customer_id=customer_id).delete()


def _move(envelopes: Sequence[Envelope[Event]], *, before: Iterable[Status], after: Status) -> set[UUID]:
    columns = columns_of([record_of(each) for each in envelopes])
    return {UUID(subject) for [subject] in run(DATABASE, MOVE, [*columns, _values(before), after.value])}


def _without_row(order_ids: Iterable[UUID]) -> set[UUID]:
    wanted = set(order_ids)
    return wanted - set(Order.objects.using(DATABASE).filter(id__in=wanted).values_list("id", flat=True))


def _move_one(event: Event, *, customer_id: UUID | None = None) -> OrderView:
    order = get_order(order_id=UUID(event.subject), customer_id=customer_id)
    if not move_orders({order.id: event}):
        wanted = " or ".join(_values(TRANSITIONS[type(event)][0]))
        raise WrongStatus(f"The order is {get_order(order_id=order.id).status}; it would have to be {wanted}.")
    return get_order(order_id=order.id)


def _values(statuses: Iterable[Status]) -> list[str]:
    return sorted(status.value for status in statuses)
