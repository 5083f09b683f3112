"""
What an event is, and the envelope it travels in (CloudEvents 1.0, https://cloudevents.io).

An event is a small frozen fact in the past tense. Its wire name is explicit, dotted and versioned, so that renaming
a class never breaks a consumer. Events may arrive late, twice or out of order; each carries the version of its
stream in `sequence`, and within one stream sequences only rise.
"""

import os
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Generic, TypeVar
from uuid import UUID

from nexus.contracts.correlation import Cause, current_cause

EVENTS: dict[str, type["Event"]] = {}
"""Every event class by wire name."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """
    A fact that an app tells. Subclasses give their wire name: ``class OrderPlaced(Event, name="…")``.

    An event that nobody in Nexus hears says ``listeners=False``: for all others, a bus that finds nobody to deliver
    to has lost a binding, and refuses instead of dropping the fact.
    """

    type: ClassVar[str]
    source: ClassVar[str]
    expects_listeners: ClassVar[bool]

    def __init_subclass__(cls, *, name: str = "", listeners: bool = True) -> None:
        super().__init_subclass__()
        if not name:
            return
        if name in EVENTS:
            raise TypeError(f"two events are called {name}")
        cls.type = name
        cls.source = name.partition(".")[0]
        cls.expects_listeners = listeners
        EVENTS[name] = cls

    @property
    def subject(self) -> str:
        """The aggregate this is about; its events form one stream."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it is about")


@dataclass(frozen=True, kw_only=True)
class Crossing(Event):
    """A fact that one region tells another: of all facts, only these leave their region, over a link."""

    from_region: Annotated[str, "where it is told"]
    to_region: Annotated[str, "for which region it is meant; no other minds it"]


E = TypeVar("E", bound=Event, covariant=True)
T = TypeVar("T", bound=Event)


@dataclass(frozen=True, kw_only=True)
class Envelope(Generic[E]):
    """An event with what the bus knows about it. `sequence` is its version in the stream of its subject."""

    data: E
    sequence: int
    id: UUID = field(default_factory=lambda: uuid7())
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""

    @property
    def type(self) -> str:
        return self.data.type

    @property
    def subject(self) -> str:
        return self.data.subject

    @property
    def as_cause(self) -> Cause:
        """The cause of whatever is done because of this event."""
        correlation = self.correlation_id or str(self.id)
        return Cause(correlation_id=correlation, causation_id=str(self.id), traceparent=self.traceparent)


def enclose(event: T, *, sequence: int, cause: Cause | None = None, at: datetime | None = None) -> Envelope[T]:
    """Put an event into a new envelope, caused by the work under way unless said otherwise."""
    because = cause or current_cause()
    return Envelope(
        data=event,
        sequence=sequence,
        time=at or datetime.now(UTC),
        correlation_id=because.correlation_id,
        causation_id=because.causation_id,
        traceparent=because.traceparent,
    )


def first_uuid7(instant: datetime) -> UUID:
    """The lowest id that can have been made at or after the instant: ids compare as their times do."""
    return UUID(int=int(instant.timestamp() * 1000) << 80 | 0x7000 << 64 | 0x8000_0000_0000_0000)


def made_at(identity: UUID) -> float:
    """When an id of version 7 was made, in seconds since 1970."""
    return (identity.int >> 80) / 1000


_uuid_lock = threading.Lock()
_uuid_last = 0


def uuid7() -> UUID:
    """
    A time-ordered UUID (RFC 9562, version 7), strictly rising within a process.

    48 bits of milliseconds, then 12 bits of fraction of a millisecond as the standard's method 3 allows, then random.
    """
    global _uuid_last
    with _uuid_lock:
        ticks = time.time_ns() * 4096 // 1_000_000
        _uuid_last = ticks = max(ticks, _uuid_last + 1)
    milliseconds, fraction = divmod(ticks, 4096)
    tail = int.from_bytes(os.urandom(8)) & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=milliseconds << 80 | 0x7000 << 64 | fraction << 64 | 0x8000_0000_0000_0000 | tail)
