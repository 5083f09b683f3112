"""The bus with events of its own, on the logs of whichever apps are installed."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import transaction
from kombu import Connection

from nexus.contracts.base import EVENTS, Envelope, Event, enclose, uuid7
from nexus.eventbus import registry
from nexus.eventbus.backends.celery.topology import Topology
from nexus.eventbus.registry import Member
from nexus.eventbus.stores.postgres import PostgresStore
from tests.rabbitmq import some_rabbitmq

DATABASES = [alias for alias, each in settings.DATABASES.items() if "postgresql" in each["ENGINE"]]
DATABASE = DATABASES[-1]


if "toys.lamp-lit.v1" not in EVENTS:

    @dataclass(frozen=True, kw_only=True)
    class LampLit(Event, name="toys.lamp-lit.v1"):
        """A lamp was lit."""

        lamp_id: UUID
        brightness: int = 1

        @property
        def subject(self) -> str:
            return str(self.lamp_id)

    @dataclass(frozen=True, kw_only=True)
    class LampBroken(Event, name="toys.lamp-broken.v1"):
        """A lamp broke."""

        lamp_id: UUID

        @property
        def subject(self) -> str:
            return str(self.lamp_id)


def lit(lamp_id: UUID | None = None, *, sequence: int = 1, brightness: int = 1) -> Envelope[Event]:
    return enclose(LampLit(lamp_id=lamp_id or uuid7(), brightness=brightness), sequence=sequence)


def broken(lamp_id: UUID | None = None, *, sequence: int = 1) -> Envelope[Event]:
    return enclose(LampBroken(lamp_id=lamp_id or uuid7()), sequence=sequence)


class Witness:
    """A subscriber that remembers what took effect, and can be told to fail."""

    def __init__(self) -> None:
        self.seen: list[UUID] = []
        self.batches: list[int] = []
        self.calls = 0
        self.failure: Callable[[Envelope[Event]], Exception | None] = lambda _: None

    def hears_batches(self, told: Sequence[Envelope[Event]]) -> None:
        self.calls += 1
        for envelope in told:
            if failure := self.failure(envelope):
                raise failure
        self.batches.append(len(told))
        self.seen += [envelope.id for envelope in told]

    def hears_one(self, told: Envelope[Event]) -> None:
        self.hears_batches([told])


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def store() -> PostgresStore:
    return PostgresStore(DATABASE)


@pytest.fixture
def member(witness: Witness, store: PostgresStore) -> Iterator[Member]:
    """The only member of the bus: it tells about lamps and hears about them."""
    handlers = {
        "toys.lamp-lit.v1": registry.in_batches(lambda told: witness.hears_batches(told)),
        "toys.lamp-broken.v1": witness.hears_one,
    }
    toys = Member(name="toys", store=store, handlers=handlers)
    others = dict(registry.members)
    registry.members.clear()
    registry.members["toys"] = toys
    yield toys
    registry.members.clear()
    registry.members.update(others)


@pytest.fixture(scope="module")
def broker_url() -> Iterator[str]:
    with some_rabbitmq() as url:
        yield url


@pytest.fixture
def channel(broker_url: str, member: Member, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A channel to a broker where the toys' queue is declared, under a namespace of this test's own."""
    namespace = f"nexus-test-{secrets.token_hex(4)}"
    bus = settings.EVENT_BUS | {"BROKER_URL": broker_url, "NAMESPACE": namespace, "SUBSCRIBER": "toys"}
    monkeypatch.setattr(settings, "EVENT_BUS", bus)
    with Connection(broker_url) as connection:
        channel = connection.channel()
        Topology(namespace).declare(channel, member)
        yield channel
        for queue in (f"{namespace}.toys", f"{namespace}.toys.dead"):
            channel.queue_delete(queue)
        for exchange in (f"{namespace}.events", f"{namespace}.dead"):
            channel.exchange_delete(exchange)


def tell(store: PostgresStore, *envelopes: Envelope[Event]) -> None:
    with transaction.atomic(using=store.database):
        store.append(envelopes)
