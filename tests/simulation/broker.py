"""
The way of an event: from the log through the real relay into a queue for each subscriber, as RabbitMQ keeps them.

A broker that has confirmed a message never loses it. It may hold it back, double it, and hand it out in another order.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec
from django.db import connections

from nexus.contracts.base import Envelope, Event, uuid7
from nexus.eventbus.registry import Member, in_batches, takes_batches
from nexus.eventbus.relay import Relay
from nexus.eventbus.stores.base import Batch
from nexus.eventbus.stores.postgres_reader import BEGINNING, PostgresReader
from nexus.eventbus.wire import Record, encode, record_of, runs
from tests.simulation.faults import Died, Faults, HandlerFailed

Note = Callable[[str], None]


class PublishFailed(Exception):
    """Not every message was confirmed."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """Events of one type on their way to one subscriber; `label` is for people."""

    kind: str
    body: bytes
    label: str


class Broker:
    """A queue for each subscriber."""

    def __init__(self, *, subscribers: Sequence[Member], faults: Faults, dice: random.Random, label: Callable) -> None:
        self.queues: dict[str, list[Message]] = {member.name: [] for member in subscribers}
        self.held_back: dict[str, list[Message]] = {member.name: [] for member in subscribers}
        self.poison: set[tuple[str, UUID]] = set()
        self._subscribers, self._faults, self._dice, self._label = subscribers, faults, dice, label

    def publish(self, records: Sequence[Record]) -> None:
        """
        Take responsibility for the records.

        :raises PublishFailed: for some of them only, nobody knows which
        """
        if self._faults.happens("relay died before publishing"):
            raise Died
        for kind, run in runs(records, longest=self._faults.batch()):
            unconfirmed = self._faults.happens("publishing was not confirmed")
            if not unconfirmed or self._dice.random() < 0.5:
                self._route(kind, run)
            if unconfirmed:
                raise PublishFailed
            if self._faults.happens("relay died between two messages"):
                raise Died
        if self._faults.happens("relay died before moving its cursor"):
            raise Died

    def take(self, subscriber: str) -> Message:
        """The next message, which leaves its queue; whoever does not acknowledge it gives it back."""
        queue = self.queues[subscriber]
        if len(queue) > 1 and self._faults.happens("message taken out of order"):
            return queue.pop(self._dice.randrange(1, len(queue)))
        return queue.pop(0)

    def give_back(self, subscriber: str, message: Message) -> None:
        self.queues[subscriber].insert(0, message)

    def let_go(self) -> None:
        """Deliver what was held back."""
        for subscriber, messages in self.held_back.items():
            self.queues[subscriber] += messages
            messages.clear()

    def _route(self, kind: str, run: Sequence[Record]) -> None:
        for member in self._subscribers:
            if kind not in member.handlers:
                continue
            message = self._message(member.name, run)
            copies = 2 if self._faults.happens("message doubled") else 1
            for _ in range(copies):
                held = self._faults.happens("message held back")
                (self.held_back if held else self.queues)[member.name].append(message)

    def _message(self, subscriber: str, run: Sequence[Record]) -> Message:
        records = list(run)
        if self._faults.happens("poison among the neighbours"):
            poison = msgspec.structs.replace(records[0], id=uuid7(), data=msgspec.Raw(b'{"sku": 1, "order_id": 1}'))
            records.insert(self._dice.randint(0, len(records)), poison)
            self.poison.add((subscriber, poison.id))
        return Message(
            kind=records[0].type, body=encode(records), label=", ".join(self._label(record) for record in records)
        )


class LogReader(PostgresReader):
    """The real reader, but on the connection that sees what a life has written, and with batches that dice choose."""

    def __init__(self, database: str, consumer: str, batch: Callable[[], int]) -> None:
        self._connection = connections[database].connection
        self._consumer, self._batch = consumer, batch
        self._position = BEGINNING

    def acquire(self) -> bool:
        where = "SELECT position FROM relay_cursor WHERE consumer = %s"
        found = self._connection.execute(where, [self._consumer]).fetchone()
        self._position = found[0] if found else BEGINNING
        return True

    def read(self, *, limit: int) -> Batch:
        batch = super().read(limit=self._batch())
        assert not batch.pending, "the numbers of simulated transactions have come up to those of real ones"
        return batch

    def close(self) -> None:
        """The connection is everybody's."""


class Elsewhere:
    """The log of the apps that are not simulated: catalog and accounts."""

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self.records = list(records)
        self._confirmed = len(self.records)
        self._position = 0

    def tell(self, envelope: Envelope[Event]) -> None:
        self.records.append(record_of(envelope))

    def reader(self, consumer: str) -> "Elsewhere":
        return self

    def acquire(self) -> bool:
        self._position = self._confirmed
        return True

    def read(self, *, limit: int) -> Batch:
        records = self.records[self._position : self._position + limit]
        return Batch(records=records, position=str(self._position + len(records)))

    def advance(self, batch: Batch) -> None:
        self._confirmed = self._position = int(batch.position)

    def close(self) -> None:
        """There is nothing to close."""


@dataclass(frozen=True, kw_only=True)
class Log:
    """The log of a simulated app, for a relay to follow."""

    database: str
    batch: Callable[[], int]

    def reader(self, consumer: str) -> LogReader:
        return LogReader(self.database, consumer, self.batch)


class Follower:
    """A relay process: it goes on where it is, until it dies and another begins where the cursor stands."""

    def __init__(self, *, name: str, store: Log | Elsewhere, broker: Broker) -> None:
        self._relay = Relay(store=store, consumer=f"{name} > simulation", publish=broker.publish)
        self._open = ExitStack()
        self._step: Callable[[], int] | None = None

    def step(self) -> int:
        """
        Carry one batch; how many records.

        :raises Died, PublishFailed: the next step is another process's
        """
        try:
            if self._step is None:
                self._step = self._open.enter_context(self._relay.stepping())
            return self._step()
        except (Died, PublishFailed):
            self._step = None
            self._open.close()
            raise


def flawed(member: Member, event_id: UUID) -> Member:
    """The member with a mistake in its handlers: they fail on this event."""

    def with_mistake(handler: Callable) -> Callable:
        def handle(told: Envelope[Event] | Sequence[Envelope[Event]]) -> None:
            if event_id in [each.id for each in (told if isinstance(told, Sequence) else [told])]:
                raise HandlerFailed("until it is mended")
            handler(told)

        return in_batches(handle) if takes_batches(handler) else handle

    return replace(member, handlers={kind: with_mistake(handler) for kind, handler in member.handlers.items()})
