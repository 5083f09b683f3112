"""
Handing events to a subscriber: once each in effect, whatever the deliveries.

A batch is tried whole. When it fails it is taken apart, and an event that still fails alone is buried among the dead
letters, so that nothing behind it waits. When a store or broker is away the event is not at fault: that is raised to
the caller, who tries again later.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import InterfaceError, OperationalError
from pymongo.errors import ConnectionFailure, ExecutionTimeout
from redis.exceptions import ConnectionError as RedisConnectionError

from nexus.contracts.base import Envelope, Event
from nexus.contracts.correlation import caused_by
from nexus.eventbus.registry import Handler, Member, takes_batches
from nexus.eventbus.wire import Record, Undecodable, decode, envelope_of

log = logging.getLogger("nexus.eventbus")

TRANSIENT = (OperationalError, InterfaceError, ConnectionFailure, ExecutionTimeout, RedisConnectionError)
"""Failures of the world around, not of the event: connections, timeouts, deadlocks, serialization."""

TRIES = 3
PAUSE = 0.05


class TryLater(Exception):
    """A dependency is away; the whole message is to be delivered again."""


@dataclass
class Outcome:
    """What became of a message's events."""

    applied: int = 0
    duplicate: int = 0
    ignored: int = 0
    buried: int = 0


def deliver(*, member: Member, message: bytes | str) -> Outcome:
    """
    Apply every event of a message that has not taken effect yet.

    :raises TryLater: a dependency is away; events of the message may or may not have been applied
    :raises Undecodable: the message is not a list of events at all
    """
    outcome = Outcome()
    for kind, neighbours in groupby(decode(message), key=lambda record: record.type):
        records = list(neighbours)
        if handler := member.handlers.get(kind):
            _handle(member, handler, records, outcome)
        else:
            outcome.ignored += len(records)
    return outcome


def _handle(
    member: Member, handler: Handler, records: Sequence[Record], outcome: Outcome, *, tries: int = TRIES
) -> None:
    try:
        _apply(member, handler, records, outcome)
    except TRANSIENT as away:
        raise TryLater(str(away)) from away
    except Exception as failure:  # noqa: BLE001  anything a handler raises: find the event at fault and set it aside
        if len(records) > 1:
            log.warning("%s: a batch of %d %s failed, taking it apart", member.name, len(records), records[0].type)
            for record in records:
                _handle(member, handler, [record], outcome, tries=1)
        else:
            _insist(member, handler, records[0], failure, outcome, tries=tries)


def _apply(member: Member, handler: Handler, records: Sequence[Record], outcome: Outcome) -> None:
    envelopes = {record.id: envelope_of(record) for record in records}

    def work(fresh: set[Any]) -> None:
        _call(handler, [envelope for identity, envelope in envelopes.items() if identity in fresh])

    fresh = member.store.apply_once(subscriber=member.name, ids=list(envelopes), work=work)
    outcome.applied += len(fresh)
    outcome.duplicate += len(records) - len(fresh)


def _call(handler: Handler, envelopes: Sequence[Envelope[Event]]) -> None:
    if takes_batches(handler):
        handler(envelopes)
        return
    for envelope in envelopes:
        with caused_by(envelope.as_cause):
            handler(envelope)


def _insist(
    member: Member, handler: Handler, record: Record, failure: Exception, outcome: Outcome, *, tries: int
) -> None:
    """A few more tries for one event, then the dead letters; one that failed in a batch already gets no more."""
    for attempt in range(1, tries):
        if isinstance(failure, Undecodable):
            break
        time.sleep(PAUSE * attempt)
        try:
            _apply(member, handler, [record], outcome)
            return
        except TRANSIENT as away:
            raise TryLater(str(away)) from away
        except Exception as again:  # noqa: BLE001  kept and shown in the dead letter
            failure = again
    error = f"{type(failure).__name__}: {failure}"
    log.error("%s cannot handle %s %s: %s", member.name, record.type, record.id, error, exc_info=failure)
    try:
        member.store.bury(subscriber=member.name, record=record, error=error)
    except TRANSIENT as away:
        raise TryLater(str(away)) from away
    outcome.buried += 1
