"""The toys' worker as a process of its own, and what became of the messages put before it."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from amqp import Message
from kombu import Connection

from nexus.contracts.base import Envelope, Event, enclose, uuid7
from nexus.eventbus.backends.celery.publisher import celery_message
from nexus.eventbus.wire import record_of
from tests.eventbus.poison.events import ErrandGiven
from tests.eventually import eventually

ROOT = Path(__file__).resolve().parents[3]
SERVER = "NEXUS_POSTGRES_URL"


def errand(does: str = "work") -> Envelope[Event]:
    return enclose(ErrandGiven(errand_id=uuid7(), does=does), sequence=1)


class Toys:
    """A subscriber with a queue and a database that no other test shares."""

    def __init__(self, *, home: Path, broker_url: str) -> None:
        self.home, self._broker_url = home, broker_url
        self.name = f"toys-{secrets.token_hex(4)}"
        self.queue = f"{self.name}.toys"
        self._connection = Connection(broker_url)
        self._channel = self._connection.channel()
        self._database = f"{os.environ[SERVER].rpartition('/')[0]}/{self.name}"

    def sends(self, *messages: Message) -> None:
        for message in messages:
            self._channel.basic_publish(message, exchange="", routing_key=self.queue)

    def tells(self, *envelopes: Envelope[Event]) -> None:
        """Each in a message of its own."""
        self.sends(*(celery_message([record_of(envelope)]) for envelope in envelopes))

    def has_done(self, *envelopes: Envelope[Event]) -> bool:
        return {envelope.id for envelope in envelopes} <= set(self.effects())

    def effects(self) -> list[UUID]:
        return [row[0] for row in self._sql("SELECT event_id FROM effect")]

    def deliveries_of(self, envelope: Envelope[Event]) -> int:
        """How often its handler began."""
        return self.log().count(f"told to {envelope.data.does}: {envelope.id}")

    def log(self) -> str:
        return (self.home / f"{self.name}.log").read_text()

    def letters(self) -> list[tuple[Any, ...]]:
        """Type, error and attempts of each dead letter."""
        return self._sql("SELECT type, error, attempts FROM dead_letter ORDER BY id")

    def forget(self) -> None:
        """The dead letters of another test."""
        self._sql("DELETE FROM dead_letter RETURNING id")

    def set_aside(self) -> Message:
        """The next message of the dead queue, taken out as soon as one is there."""
        return eventually(lambda: self._channel.basic_get(f"{self.queue}.dead", no_ack=True), within=120)

    def nothing_is_set_aside(self) -> bool:
        return self._channel.basic_get(f"{self.queue}.dead", no_ack=True) is None

    @contextmanager
    def working(self, *command: str) -> Iterator[None]:
        """Prepared, and with the worker process running."""
        run = {"cwd": ROOT, "env": self._environment()}
        prepare = [sys.executable, "manage.py", "prepare"]
        prepared = subprocess.run(prepare, capture_output=True, text=True, timeout=120, **run)
        assert prepared.returncode == 0, prepared.stdout + prepared.stderr
        with (self.home / f"{self.name}.log").open("wb") as log:
            worker = subprocess.Popen([sys.executable, *command], stdout=log, stderr=log, start_new_session=True, **run)
            try:
                yield
            finally:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait(30)
                self._clear_away()

    def _environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("NEXUS_", "DJANGO_"))}
        return plain | {
            "DJANGO_SETTINGS_MODULE": "tests.eventbus.poison.settings",
            "NEXUS_DEMO": "1",
            "NEXUS_VAR": str(self.home),
            SERVER: self._database,
            "NEXUS_EVENT_BUS": "celery",
            "NEXUS_BROKER_URL": self._broker_url,
            "NEXUS_BUS_NAMESPACE": self.name,
            "NEXUS_SUBSCRIBER": "toys",
        }

    def _sql(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(f"{self._database}_toys") as connection:
            return connection.execute(query).fetchall()

    def _clear_away(self) -> None:
        for queue in (self.queue, f"{self.queue}.dead"):
            self._channel.queue_delete(queue)
        for exchange in ("events", "dead"):
            self._channel.exchange_delete(f"{self.name}.{exchange}")
        self._connection.close()


def reason_of(message: Message) -> str:
    """Why RabbitMQ set it aside."""
    deaths: Sequence[dict[str, Any]] = message.headers["x-death"]
    return str(deaths[0]["reason"])
