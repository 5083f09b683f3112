"""Events as they travel: CloudEvents 1.0 in JSON, several to a message."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from nexus.contracts.base import EVENTS, Envelope, Event


class Record(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One event on the wire and in the log. `data` stays JSON text until somebody who understands it reads it."""

    id: UUID
    type: str
    source: str
    subject: str
    sequence: int
    time: datetime
    data: msgspec.Raw
    specversion: str = ""
    correlationid: str = ""
    causationid: str = ""
    traceparent: str = ""


class Undecodable(Exception):
    """The event's type is unknown here, or its data does not fit the type."""


LARGEST_RUN = 4 * 1024 * 1024
"""Bytes of data in a message of several events: well below what brokers refuse (16 MiB in RabbitMQ 4)."""
LARGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes; no event comes near. RabbitMQ 4 takes no larger message, MongoDB no larger document for a dead letter."""

_encoder = msgspec.json.Encoder()
_records = msgspec.json.Decoder(list[Record])
_decoders: "dict[str, msgspec.json.Decoder[Event]]" = {}
_making = threading.Lock()


def record_of(envelope: Envelope[Event]) -> Record:
    """The envelope in wire form."""
    return Record(
        specversion="1.0",
        id=envelope.id,
        type=envelope.type,
        source=envelope.data.source,
        subject=envelope.subject,
        sequence=envelope.sequence,
        time=envelope.time,
        data=msgspec.Raw(_encoder.encode(envelope.data)),
        correlationid=envelope.correlation_id,
        causationid=envelope.causation_id,
        traceparent=envelope.traceparent,
    )


def envelope_of(record: Record) -> Envelope[Event]:
    """
    The record as the event it stands for; fields that this version does not know are ignored.

    :raises Undecodable: unknown type, or data that does not fit it
    """
    kind = EVENTS.get(record.type)
    if kind is None:
        raise Undecodable(f"unknown type {record.type}")
    try:
        data = _decoder_of(kind).decode(record.data)
    except (msgspec.MsgspecError, ValueError) as why:
        raise Undecodable(f"{record.type}: {why}") from None
    return Envelope(
        data=data,
        id=record.id,
        sequence=record.sequence,
        time=record.time,
        correlation_id=record.correlationid,
        causation_id=record.causationid,
        traceparent=record.traceparent,
    )


def _decoder_of(kind: type[Event]) -> "msgspec.json.Decoder[Event]":
    """
    The one decoder of an event, made by one thread alone: what msgspec knows of a class it keeps at the class before it
    is complete, and a second thread that decodes the class for the first time at the same moment crashes the process.
    """
    if found := _decoders.get(kind.type):
        return found
    with _making:
        if kind.type not in _decoders:
            _decoders[kind.type] = msgspec.json.Decoder(kind)
    return _decoders[kind.type]


def encode(records: Sequence[Record]) -> bytes:
    """A message: a JSON list of events."""
    return _encoder.encode(records)


def decode(message: bytes | str) -> list[Record]:
    """
    The events of a message.

    :raises Undecodable: it is not a JSON list of CloudEvents
    """
    try:
        return _records.decode(message)
    except msgspec.MsgspecError as why:
        raise Undecodable(f"not a list of events: {why}") from None


def runs(records: Iterable[Record], *, longest: int, largest: int = LARGEST_RUN) -> Iterator[tuple[str, list[Record]]]:
    """
    Records of one type together, in as few runs as may be; the order within each aggregate is kept.

    At most `longest` of them with at most `largest` bytes of data; a larger event goes alone.
    """
    found: list[tuple[str, list[Record]]] = []
    open_runs: dict[str, int] = {}
    """By type: where its last run stands."""
    sizes: list[int] = []
    last_of: dict[str, int] = {}
    """By aggregate: the run that has its youngest event, which the next one must not come before."""
    for record in records:
        place = open_runs.get(record.type, -1)
        size = len(record.data)
        fits = place >= 0 and len(found[place][1]) < longest and sizes[place] + size <= largest
        if not fits or place < last_of.get(record.subject, -1):
            place = open_runs[record.type] = len(found)
            found.append((record.type, []))
            sizes.append(0)
        found[place][1].append(record)
        sizes[place] += size
        last_of[record.subject] = place
    yield from found
