"""
The shop as it runs in earnest: web, relay and workers as processes of their own, over real engines that can be
stopped, killed and started again.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import urllib3

from nexus.embedded.engine import Engine
from nexus.embedded.identity import Identity
from nexus.embedded.mongo import Mongo
from nexus.embedded.process import EngineProcess
from nexus.embedded.run import server_command
from nexus.embedded.valkey import Valkey
from tests.eventually import eventually
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
WORKERS = ("orders", "inventory", "catalog")
S = TypeVar("S", bound="System")


@dataclass
class Answer:
    """What the shop answered."""

    status: int
    headers: Mapping[str, str]
    body: Any


class System:
    """A shop of its own: databases, engines and processes that no other test shares."""

    web_workers = 1

    def __init__(self, home: Path, *, broker_url: str = "", port: int | None = None) -> None:
        self.home, self.port = home, port or free_port()
        self.name = f"shop_{secrets.token_hex(4)}"
        self.broker_url = broker_url
        self.engines: dict[str, EngineProcess] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._addresses: dict[str, str] = {}
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(20), maxsize=32)

    # -- engines and processes

    def start_engines(self) -> None:
        """MongoDB and Valkey of our own; Postgres is the test run's, with databases of our own."""
        for engine in (Mongo(var=self.home, durable=True), Valkey(var=self.home, durable=True)):
            self.start_engine(engine)

    def start_engine(self, engine: Engine) -> None:
        engine.prepare()
        process = EngineProcess(engine=engine)
        process.launch()
        # Known only from here on: whoever is started meanwhile needs an address that is one.
        self.engines[engine.name] = process
        process.wait_until_ready()

    def stop_engine(self, name: str) -> Engine:
        """Stop an engine; its data stays, and it comes back on the same port."""
        process = self.engines.pop(name)
        process.ask_to_stop()
        process.wait_until_stopped()
        return process.engine

    def kill_engine(self, name: str) -> Engine:
        """Kill an engine as a power cut would; otherwise as `stop_engine`."""
        process = self.engines.pop(name)
        if owner := Identity.read(file=process.engine.record):
            owner.send(signum=signal.SIGKILL)
        process.wait_until_stopped()
        return process.engine

    def manage(self, *words: str, **more: str) -> None:
        """Run a management command to its end; with more variables, if there are."""
        command = [sys.executable, "manage.py", *words]
        environment = self.environment() | more
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, *names: str, **more: str) -> None:
        """Start processes by name: ``web``, ``relay``, ``worker orders`` …; returns when the web answers."""
        for name in names:
            self.launch(name, **more)
        if "web" in names:
            eventually(self._answers, within=60)

    def launch(self, name: str, *, command: Sequence[str] = (), **more: str) -> None:
        """Start a process without waiting for it; a second of its kind is told apart by what follows a ``#``."""
        environment = self.environment() | more
        if name == "web":
            command = server_command(port=self.port, workers=self.web_workers)
        elif not command:
            command = [sys.executable, "manage.py", *name.partition("#")[0].split()]
        with (self.home / f"{name.replace(' ', '-')}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, env=environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a process and its children, and wait until it is gone."""
        process = self.processes.pop(name)
        if number == signal.SIGTERM:
            # To the parent alone, as a supervisor does: the server tells its workers itself.
            process.send_signal(number)
        else:
            os.killpg(process.pid, number)
        process.wait(30)

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        for name in list(self.engines):
            self.stop_engine(name)

    def environment(self) -> dict[str, str]:
        engines = {
            process.engine.variable: process.engine.url(port=process.port) for process in list(self.engines.values())
        }
        # An engine that is stopped at the moment keeps its address: it comes back on the same port.
        self._addresses |= engines
        bus = {"NEXUS_EVENT_BUS": "celery", "NEXUS_BROKER_URL": self.broker_url} if self.broker_url else {}
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("NEXUS_", "DJANGO_"))}
        return (
            plain
            | self._addresses
            | bus
            | {
                "NEXUS_DEMO": "1",
                "NEXUS_VAR": str(self.home),
                "NEXUS_POSTGRES_URL": self.postgres(self.name),
                "NEXUS_BUS_NAMESPACE": self.name,
                "NEXUS_RATE_LIMIT": "0",
            }
        )

    # -- over HTTP

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        encoded = body if body is None or isinstance(body, bytes) else json.dumps(body)
        answer = self._http.request(
            method,
            f"http://127.0.0.1:{self.port}{path}",
            body=encoded,
            headers={"Content-Type": "application/json"} | sent,
        )
        is_json = "json" in answer.headers.get("Content-Type", "")
        return Answer(
            status=answer.status, headers=answer.headers, body=answer.json() if is_json and answer.data else None
        )

    def demo(self) -> dict[str, Any]:
        """The demo's logins and a sku for sale."""
        found: dict[str, Any] = json.loads((self.home / "demo.json").read_text())
        return found

    def log_in(self, who: str) -> str:
        """The value of an ``Authorization`` header for the demo's ``staff`` or ``customer``."""
        answer = self.call("POST", "/api/v1/accounts/token", self.demo()[who])
        assert answer.status == 200, answer.body
        return f"Bearer {answer.body['access_token']}"

    def receive(self, quantity: int, *, sku: str = "", staff: str = "") -> None:
        """Put more of a sku on the shelf, by default of the demo's; `staff` is who did, when they are logged in."""
        path = f"/api/v1/inventory/stock/{sku or self.demo()['sku']}/adjustments"
        body = {"quantity": quantity, "reason": "received"}
        answer = self.call("POST", path, body, Authorization=staff or self.log_in("staff"))
        assert answer.status == 201, answer.body

    # -- in the databases

    def postgres(self, database: str) -> str:
        """The address of a database."""
        return f"{os.environ['NEXUS_POSTGRES_URL'].rpartition('/')[0]}/{database}"

    def sql(self, app: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres(f"{self.name}_{app}")) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def statuses(self) -> dict[str, int]:
        """How many orders there are in each status."""
        return dict(self.sql("orders", "SELECT status, count(*) FROM orders_order GROUP BY status"))

    def offenders(self) -> list[str]:
        """What breaks the promises: lost or doubled effects, counters that differ from the ledger."""
        found = []
        for name, app, query in INVARIANTS:
            if rows := self.sql(app, query):
                found.append(f"{name}: {rows[:3]}")
        return found

    def settled(self) -> bool:
        return not self.sql("orders", "SELECT 1 FROM orders_order WHERE status = 'placed' LIMIT 1")

    def _answers(self) -> bool:
        process = self.processes["web"]
        assert process.poll() is None, (self.home / "web.log").read_text()[-3000:]
        return self.answers("/livez")

    def answers(self, path: str) -> bool:
        """Whether a GET of that path is answered 200."""
        try:
            return self.call("GET", path).status == 200
        except urllib3.exceptions.HTTPError:
            return False


INVARIANTS = [
    (
        "counters differ from the ledger",
        "inventory",
        """SELECT s.sku FROM inventory_stock s LEFT JOIN
               (SELECT sku, location_id, sum(on_hand) h, sum(reserved) r FROM inventory_ledgerentry GROUP BY 1, 2) l
               USING (sku, location_id)
           WHERE s.on_hand <> coalesce(h, 0) OR s.reserved <> coalesce(r, 0)""",
    ),
    (
        "reserved differs from what is held",
        "inventory",
        """SELECT s.sku FROM (SELECT sku, sum(reserved) r FROM inventory_stock GROUP BY 1) s LEFT JOIN
               (SELECT l->>'sku' sku, sum((l->>'quantity')::int) q FROM inventory_reservation,
                jsonb_array_elements(lines) l WHERE state = 'held' GROUP BY 1) h USING (sku)
           WHERE s.r <> coalesce(q, 0)""",
    ),
    (
        "an order with two verdicts",
        "inventory",
        """SELECT subject FROM event_log WHERE type IN ('inventory.stock-reserved.v1', 'inventory.stock-rejected.v1')
           GROUP BY 1 HAVING count(DISTINCT type) > 1""",
    ),
    (
        "an order whose row is not the fold of its events",
        "orders",
        """SELECT o.id FROM orders_order o WHERE o.version <>
               (SELECT count(*) FROM event_log e WHERE e.subject = o.id::text)""",
    ),
    ("a dead letter in orders", "orders", "SELECT type, error FROM dead_letter"),
    ("a dead letter in inventory", "inventory", "SELECT type, error FROM dead_letter"),
]


@contextmanager
def running_system(home: Path, *, broker_url: str = "", size: str = "tiny") -> Iterator[System]:
    """A shop with demo goods, everything running."""
    with running(System(home, broker_url=broker_url), size=size) as system:
        yield system


@contextmanager
def running(system: S, *, size: str = "tiny") -> Iterator[S]:
    """The same with a system of a kind of its own."""
    try:
        system.start_engines()
        system.manage("prepare")
        if system.broker_url:
            system.start("relay", *(f"worker {name}" for name in WORKERS))
        system.manage("demo", "--size", size)
        system.start("web")
        yield system
    finally:
        system.stop()
