"""
Handing events to a subscriber: once each in effect, whatever the deliveries.

A batch is tried whole. When it fails it is taken apart, half by half, until only the events at fault are left; those
are buried among the dead letters, so that nothing behind them waits. Events of the same aggregate do not wait either:
handlers stand what comes late or out of order. When a store or broker is away the event is not at fault: that is
raised to the caller, who tries again later. docs/dead-letters.md says what ends where.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from django.db import InterfaceError, OperationalError
from pymongo.errors import ConnectionFailure, ExecutionTimeout, ProtocolError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from nexus.contracts.base import EVENTS, Envelope, Event
from nexus.contracts.correlation import caused_by
from nexus.eventbus.instruments import Handling, Outcome
from nexus.eventbus.registry import Handler, Member, takes_batches
from nexus.eventbus.wire import Record, Undecodable, decode, envelope_of

log = logging.getLogger("nexus.eventbus")

TRANSIENT = (
    OperationalError,
    InterfaceError,
    ConnectionFailure,
    ExecutionTimeout,
    ProtocolError,
    RedisConnectionError,
    RedisTimeoutError,
)
"""Failures of the world around, not of the event: connections, timeouts, deadlocks, serialization."""
TRIES = 3
PAUSE = 0.05
LONGEST_ERROR = 10_000


class TryLater(Exception):
    """A dependency is away; the whole message is to be delivered again."""


class Arrival(NamedTuple):
    """An event as it came, and what it says."""

    record: Record
    envelope: Envelope[Event]


def deliver(*, member: Member, message: bytes | str) -> Outcome:
    """
    Apply every event of a message that has not taken effect yet.

    :raises TryLater: a dependency is away; events of the message may or may not have been applied
    :raises Undecodable: the message is not a list of events at all
    """
    outcome = Outcome()
    try:
        for kind, neighbours in groupby(decode(message), key=lambda record: record.type):
            outcome += _deliver(member, kind, list(neighbours))
    except TRANSIENT as away:
        raise TryLater(str(away)) from away
    return outcome


def _deliver(member: Member, kind: str, records: Sequence[Record]) -> Outcome:
    handling = Handling(member.name, _known(kind), records)
    try:
        if member.takes(kind):
            _handle(member, _read(member, handling), handling.outcome)
        else:
            log.warning("%s does not hear %s: passed over %d", member.name, kind, len(records))
            handling.outcome.ignored += len(records)
    except BaseException as failure:
        handling.is_over(failure)
        raise
    handling.is_over()
    return handling.outcome


def _known(kind: str) -> str:
    """The type, unless this version has never heard of it: what is counted has few names, whatever arrives."""
    return kind if kind in EVENTS else "unknown"


def _read(member: Member, handling: Handling) -> list[Arrival]:
    """Those that this version understands. The others are buried at once: no second try could help."""
    arrivals = []
    for record in handling.records:
        try:
            envelope = envelope_of(record)
        except Undecodable as why:
            _bury(member, record, why, handling.outcome)
        else:
            mark = handling.mark_of(record)
            marked = envelope if mark == record.traceparent else replace(envelope, traceparent=mark)
            arrivals.append(Arrival(record, marked))
    return arrivals


def _handle(member: Member, arrivals: Sequence[Arrival], outcome: Outcome) -> None:
    if not arrivals or not (failure := _try(member, arrivals, outcome)):
        return
    if len(arrivals) > 1:
        log.warning("%s: %d %s failed together: %r", member.name, len(arrivals), arrivals[0].record.type, failure)
        _take_apart(member, _without_buried(member, arrivals, outcome), outcome)
        return
    for attempt in range(1, TRIES):
        time.sleep(PAUSE * attempt)
        if not (failure := _try(member, arrivals, outcome)):
            return
    _bury(member, arrivals[0].record, failure, outcome)


def _without_buried(member: Member, arrivals: Sequence[Arrival], outcome: Outcome) -> list[Arrival]:
    """A batch that comes again passes over what it left behind. Asked only when it failed: the others need not pay."""
    waiting = member.store.list_buried(subscriber=member.name, ids=[each.record.id for each in arrivals])
    outcome.waiting += len(waiting)
    return [each for each in arrivals if each.record.id not in waiting]


def _take_apart(member: Member, arrivals: Sequence[Arrival], outcome: Outcome) -> None:
    """In halves, in order: at most two tries for each event, a few in all when only a few are at fault."""
    middle = (len(arrivals) + 1) // 2
    for part in filter(None, (arrivals[:middle], arrivals[middle:])):
        failure = _try(member, part, outcome)
        if failure and len(part) > 1:
            _take_apart(member, part, outcome)
        elif failure:
            _bury(member, part[0].record, failure, outcome)


def _try(member: Member, arrivals: Sequence[Arrival], outcome: Outcome) -> Exception | None:
    """Apply them in one transaction; what the handler failed with, if it did."""
    envelopes = {each.record.id: each.envelope for each in arrivals}
    handler = member.handlers[arrivals[0].record.type]

    def work(fresh: set[UUID]) -> None:
        _call(handler, [envelope for identity, envelope in envelopes.items() if identity in fresh])

    try:
        fresh = member.store.apply_once(subscriber=member.name, ids=list(envelopes), work=work)
    except TRANSIENT:
        raise
    except Exception as failure:  # noqa: BLE001  anything a handler raises: find the event at fault and set it aside
        return failure
    outcome.applied += len(fresh)
    outcome.fresh |= fresh
    outcome.duplicate += len(arrivals) - len(fresh)
    return None


def _call(handler: Handler, envelopes: Sequence[Envelope[Event]]) -> None:
    if takes_batches(handler):
        handler(envelopes)
        return
    for envelope in envelopes:
        with caused_by(envelope.as_cause):
            handler(envelope)


def _bury(member: Member, record: Record, failure: Exception, outcome: Outcome) -> None:
    # No store keeps a NUL in text, and whoever reads the letter needs no megabytes.
    error = f"{type(failure).__name__}: {failure}"[:LONGEST_ERROR].replace("\0", "\N{REPLACEMENT CHARACTER}")
    log.error("%s cannot handle %s %s: %s", member.name, record.type, record.id, error, exc_info=failure)
    member.store.bury(subscriber=member.name, record=record, error=error)
    outcome.buried += 1
