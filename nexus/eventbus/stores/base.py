"""What a store of any kind can do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from nexus.contracts.base import Envelope, Event
from nexus.contracts.errors import Conflict
from nexus.eventbus.wire import Record


class ConcurrentChange(Conflict):
    """Somebody else changed the same thing at the same moment; read it again and retry."""

    code = "concurrent_change"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Records in log order, the position behind the last, and whether later ones are written but not settled yet."""

    records: Sequence[Record]
    position: str
    pending: bool = False


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

    def apply_once(self, *, subscriber: str, ids: Sequence[UUID], work: Callable[[set[UUID]], None]) -> set[UUID]:
        """Run `work` with the ids that have not taken effect yet and mark them, in one transaction; returns them."""
        ...

    def bury(self, *, subscriber: str, record: Record, error: str) -> None:
        """Put an event that keeps failing among the dead letters; once more only counts the attempt."""
        ...

    def count_told(self, types: Sequence[str]) -> int:
        """How many events of these types the log has."""
        ...

    def count_heard(self, subscriber: str) -> int:
        """How many events took effect for the subscriber or wait among its dead letters."""
        ...

    def count_buried(self, subscriber: str) -> int:
        """How many dead letters of the subscriber wait to be looked at."""
        ...

    def reader(self, consumer: str) -> Reader:
        """A reader of this log from where the consumer stands."""
        ...
