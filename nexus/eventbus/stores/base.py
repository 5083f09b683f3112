"""What a store of any kind can do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from nexus.contracts.base import Envelope, Event
from nexus.contracts.errors import Conflict
from nexus.eventbus.wire import Record

R = TypeVar("R")


class ConcurrentChange(Conflict):
    """Somebody else changed the same thing at the same moment; read it again and retry."""

    code = "concurrent_change"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Records in log order, the position behind the last, and whether later ones are written but not settled yet."""

    records: Sequence[Record]
    position: str
    pending: bool = False


@dataclass(frozen=True, kw_only=True)
class Letter:
    """An event that its subscriber could not handle; `event` is the message as it travelled."""

    event_id: UUID
    type: str
    event: str
    error: str
    attempts: int
    last_failed_at: datetime


class Reader(Protocol):
    """Follows a log for one consumer over a connection of its own; closed and opened anew after any failure."""

    def acquire(self) -> bool:
        """Become the one active reader for this consumer; False while another is."""
        ...

    def read(self, *, limit: int) -> Batch:
        """The next records in an order in which a late commit can never be skipped."""
        ...

    def advance(self, batch: Batch) -> None:
        """Remember that everything up to the end of the batch is done."""
        ...

    def wait(self, timeout: float) -> None:
        """Return when something was appended, or after `timeout` seconds."""
        ...

    def close(self) -> None:
        """Give up the connection and the lock."""
        ...


class Store(Protocol):
    """An app's log, inbox and dead letters."""

    def append(self, envelopes: Sequence[Envelope[Event]]) -> None:
        """
        Tell facts in the transaction under way.

        :raises ConcurrentChange: a stream already has an event of that sequence
        """
        ...

    def stream(self, subject: str) -> Sequence[Record]:
        """Every event about the subject, oldest first."""
        ...

    def streams(self, subjects: Sequence[str]) -> Sequence[Record]:
        """Every event about the subjects, those of one together, oldest first."""
        ...

    def all_streams(self) -> Iterator[Record]:
        """Every event there is, stream by stream in the order of subjects, oldest first."""
        ...

    def history(
        self, types: Sequence[str] | None, *, after: str = "", since: datetime | None = None, size: int
    ) -> Iterator[Batch]:
        """
        The events of these types, or of every type, that have settled by now, in log order, in batches of at most
        `size`: all of them, or those behind a position, or those told since an instant.
        """
        ...

    def transact(self, work: Callable[[], R]) -> R:
        """Run `work` in a transaction of the store; inside one, it simply joins."""
        ...

    def apply_once(self, *, subscriber: str, ids: Sequence[UUID], work: Callable[[set[UUID]], None]) -> set[UUID]:
        """Run `work` with the ids that have not taken effect yet and mark them, in one transaction; returns them."""
        ...

    def bury(self, *, subscriber: str, record: Record, error: str) -> None:
        """Put an event that keeps failing among the dead letters; once more only counts the attempt."""
        ...

    def told(self, types: Sequence[str]) -> Iterator[UUID]:
        """The ids of all settled events of these types, rising."""
        ...

    def heard(self, subscriber: str) -> Iterator[UUID]:
        """The ids of all events that took effect for the subscriber or wait among its dead letters, rising."""
        ...

    def letters(self, subscriber: str) -> Sequence[Letter]:
        """The subscriber's dead letters that wait to be looked at, oldest event first."""
        ...

    def mark_replayed(self, *, subscriber: str, event_id: UUID) -> None:
        """A dead letter was dealt with."""
        ...

    def list_buried(self, *, subscriber: str, ids: Sequence[UUID]) -> set[UUID]:
        """Which of these events wait among the subscriber's dead letters."""
        ...

    def count_told(self, types: Sequence[str]) -> int:
        """How many events of these types the log has."""
        ...

    def count_heard(self, subscriber: str, types: Sequence[str]) -> int:
        """How many events took effect for the subscriber, or are of these types and wait among its dead letters."""
        ...

    def count_buried(self, subscriber: str) -> int:
        """How many dead letters of the subscriber wait to be looked at."""
        ...

    def pulse(self) -> tuple[int, int]:
        """
        About how many events this log was ever told, and how many ever took effect in this inbox: what the server
        counts anyway, some seconds late at worst, and perhaps from 0 again after a crash. For rates alone.
        """
        ...

    def heard_at(self, subscriber: str, ids: Sequence[UUID]) -> dict[UUID, datetime]:
        """When each of these events took effect for the subscriber; of those that did not, nothing."""
        ...

    def newest(self, kind: str, *, size: int) -> Sequence[Record]:
        """The newest events of a type that the log has, the newest first."""
        ...

    def cursors(self) -> Sequence[tuple[str, str, datetime]]:
        """Who has followed this log how far: consumer, position, and when it moved last."""
        ...

    def forget(self, consumer: str) -> bool:
        """Drop how far a consumer has followed this log, for one that will not come back; whether there was any."""
        ...

    def backlog(self) -> Sequence[tuple[str, int, float]]:
        """For each who follows this log: consumer, events not handed on yet, and the age of the oldest in seconds."""
        ...

    def reader(self, consumer: str) -> Reader:
        """A reader of this log from where the consumer stands."""
        ...

    def contents(self, *, without: Sequence[str] = ()) -> Mapping[str, Callable[[], Iterator[bytes]]]:
        """
        Every table of the database, with a way to read it whole: each row as bytes that say all of it, in an order that
        is the same wherever the rows are. `without` fields, such as ``products.tokens``, in a store that has some.
        """
        ...

    def inherit_position(self, consumer: str, *, of: Sequence[str]) -> bool:
        """
        Let a consumer that has not begun begin where these stand, at the one furthest behind; False when it has
        begun, or one of these has not.
        """
        ...
