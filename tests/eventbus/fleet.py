"""The bells as processes of their own over one transport: the real relay, the real workers, their real commands."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from nexus.contracts.base import Envelope
from nexus.embedded.run import server_command
from nexus.eventbus.stores.postgres import APPEND
from nexus.eventbus.stores.postgres_rows import columns_of
from nexus.eventbus.wire import Record, encode, record_of
from tests.eventbus.bells.facts import BellEvent
from tests.eventually import eventually
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
EFFECTS = "CREATE TABLE effect (n bigserial PRIMARY KEY, event_id uuid, subject text, sequence bigint)"
DATABASES = ("bells", "anna", "ben")


class Fleet:
    """Brought up in the wrong order on purpose; see `come_up`."""

    def __init__(self, transport: str, home: Path, addresses: Mapping[str, str]) -> None:
        self.transport, self.home = transport, home
        self.name = f"fleet_{secrets.token_hex(4)}"
        self._addresses = addresses
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._port = free_port()
        self.refused_position: list[Any] = ["never looked"]

    # -- processes

    @property
    def carriers(self) -> tuple[str, ...]:
        return ("web",) if self.transport == "inprocess" else ("relay", "worker anna", "worker ben")

    def come_up(self, first: Envelope[BellEvent]) -> None:
        """The relay comes before anybody can take what it has; notes how far it says to have come."""
        self.manage("prepare", NEXUS_EVENT_BUS="inprocess")
        for subscriber in ("anna", "ben"):
            self.sql(subscriber, EFFECTS)
        self.tell(first)
        (self.home / "anna-is-away").touch()
        self.start(self.carriers[0])
        eventually(lambda: "again in" in self.log(self.carriers[0]), within=60)
        self.refused_position = self.position()
        # Queues are bound one after the other: what is published between two of them reaches the first alone.
        with self._standing_still(self.carriers[0]):
            self.manage("prepare")
        (self.home / "anna-is-away").unlink()
        self.start(*self.carriers[1:])

    @contextlib.contextmanager
    def _standing_still(self, name: str) -> Iterator[None]:
        process = self._processes[name]
        os.killpg(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGCONT)

    def manage(self, *words: str, **more: str) -> str:
        command = [sys.executable, "manage.py", *words]
        environment = self._environment() | more
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *names: str) -> None:
        for name in names:
            command = server_command(port=self._port) if name == "web" else [sys.executable, "manage.py", *name.split()]
            with self._log_file(name).open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    command, env=self._environment(), cwd=ROOT, stdout=log, stderr=log, start_new_session=True
                )

    def stop(self, name: str) -> int:
        """As an orchestrator would; the exit status."""
        process = self._processes.pop(name)
        process.terminate()
        try:
            return process.wait(60)
        finally:
            _kill(process)

    def wait(self, look: Callable[[], Any], *, within: float = 90) -> None:
        """Until it is so; meanwhile whoever died is started again, as an orchestrator would."""

        def look_after() -> Any:
            for name, process in list(self._processes.items()):
                if process.poll() is not None:
                    _kill(process)
                    self.start(name)
            return look()

        eventually(look_after, within=within)

    def send_away(self, subscriber: str) -> None:
        """Nothing has an effect on the subscriber until it is back."""
        (self.home / f"{subscriber}-is-away").touch()
        if (worker := f"worker {subscriber}") in self.carriers:
            assert self.stop(worker) == 0, self.log(worker)[-2000:]

    def bring_back(self, subscriber: str) -> None:
        (self.home / f"{subscriber}-is-away").unlink()
        if (worker := f"worker {subscriber}") in self.carriers:
            self.start(worker)

    def go_down(self) -> None:
        for name in list(self._processes):
            _kill(self._processes.pop(name))
        with psycopg.connect(f"{_server()}/postgres", autocommit=True) as connection:
            for database in DATABASES:
                name = sql.Identifier(f"{self.name}_{database}")
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def log(self, name: str) -> str:
        return self._log_file(name).read_text()

    # -- facts and effects

    def tell(self, *told: Envelope[BellEvent]) -> None:
        """In one transaction."""
        self.sql("bells", APPEND, *columns_of([record_of(envelope) for envelope in told]))

    def send_to(self, subscriber: str, *records: Record) -> None:
        """What `manage.py bus replay` does, with events of the test's choice."""
        script = f"bus.backend().send_to({subscriber!r}, wire.decode({encode(records)!r}))"
        self.manage("shell", "--command", f"from nexus.eventbus import bus, wire; {script}")

    def heard(self, subscriber: str, told: Sequence[Envelope[BellEvent]]) -> list[UUID]:
        """Which of these had an effect on the subscriber, in the order of the effects, as often as they had it."""
        query = "SELECT event_id FROM effect WHERE event_id = ANY(%s) ORDER BY n"
        return [row[0] for row in self.sql(subscriber, query, [envelope.id for envelope in told])]

    def position(self) -> list[Any]:
        """How far anna's events are taken as delivered."""
        consumer = "bells > inprocess anna" if self.transport == "inprocess" else "bells > %"
        return self.sql("bells", "SELECT position FROM relay_cursor WHERE consumer LIKE %s", consumer)

    def sql(self, database: str, query: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(f"{_server()}/{self.name}_{database}") as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def _environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("NEXUS_", "DJANGO_"))}
        return (
            plain
            | self._addresses
            | {
                "DJANGO_SETTINGS_MODULE": "tests.eventbus.bells.settings",
                "NEXUS_DEMO": "1",
                "NEXUS_VAR": str(self.home),
                "NEXUS_EVENT_BUS": self.transport,
                "NEXUS_BUS_NAMESPACE": self.name,
                "NEXUS_POSTGRES_URL": f"{_server()}/{self.name}",
            }
        )

    def _log_file(self, name: str) -> Path:
        return self.home / f"{name.replace(' ', '-')}.log"


def _server() -> str:
    return os.environ["NEXUS_POSTGRES_URL"].rpartition("/")[0]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The process and the children that may have outlived it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
