"""
An order as its events tell it. The order's row is this fold, always: whatever loses a row finds it here again, and
an order as it was at any instant is the fold of what had been told by then.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from uuid import UUID

from nexus.contracts.base import Envelope, Event
from nexus.contracts.orders import OrderLine, OrderPlaced
from nexus.eventbus.wire import Record, envelope_of
from nexus.orders.models import TRANSITIONS, Status, store


class BrokenHistory(Exception):
    """A stream that cannot be an order's: its beginning, a version or a step of it is wrong."""


@dataclass(frozen=True, kw_only=True)
class Folded:
    """The columns of an order's row but the note, which is personal and not part of what is told."""

    id: UUID
    number: str
    customer_id: UUID
    status: str
    currency: str
    total: int
    reason: str
    placed_at: datetime
    updated_at: datetime
    version: int
    lines: tuple[OrderLine, ...]


def envelopes_of(records: Iterable[Record]) -> Iterator[Envelope[Event]]:
    """Records of the log as events."""
    return (envelope_of(record) for record in records)


def fold(history: Sequence[Envelope[Event]]) -> Folded:
    """
    The order that these events, oldest first, make.

    :raises BrokenHistory: no order comes of them
    """
    first, *rest = history
    if not isinstance(first.data, OrderPlaced) or first.sequence != 1:
        raise BrokenHistory(f"{first.subject} begins with {first.type} {first.sequence}")
    order = _placed(first.data, at=first.time)
    for envelope in rest:
        order = _moved(order, envelope)
    return order


def find_folded(order_ids: Iterable[UUID], *, until: datetime | None = None) -> dict[UUID, Folded]:
    """Orders by what the log tells of them, up to an instant when one is given; those that it knows."""
    records = store.streams([str(order_id) for order_id in order_ids])
    told = (envelope for envelope in envelopes_of(records) if until is None or envelope.time <= until)
    streams = groupby(told, key=lambda envelope: envelope.subject)
    return {UUID(subject): fold(list(history)) for subject, history in streams}


def _placed(fact: OrderPlaced, *, at: datetime) -> Folded:
    return Folded(
        id=fact.order_id,
        number=fact.number,
        customer_id=fact.customer_id,
        status=Status.PLACED.value,
        currency=fact.currency,
        total=fact.total,
        reason="",
        placed_at=at,
        updated_at=at,
        version=1,
        lines=fact.lines,
    )


def _moved(order: Folded, envelope: Envelope[Event]) -> Folded:
    before, after = TRANSITIONS.get(type(envelope.data), (frozenset(), None))
    if after is None or order.status not in before or envelope.sequence != order.version + 1:
        raise BrokenHistory(f"{order.id}: {envelope.type} {envelope.sequence} after {order.status} {order.version}")
    return replace(
        order,
        status=after.value,
        reason=getattr(envelope.data, "reason", order.reason),
        updated_at=envelope.time,
        version=envelope.sequence,
    )
