"""A shop of the benchmark's own: durable engines, databases, and every process as in earnest."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from kombu import Connection
from redis import Redis

from nexus.embedded.identity import Identity
from nexus.embedded.mongo import Mongo
from nexus.embedded.postgres import Postgres
from nexus.embedded.valkey import Valkey

ROOT = Path(__file__).resolve().parents[1]
WORKERS = ("orders", "inventory", "catalog")
EVERYTHING = ("web", "relay", *(f"worker {name}" for name in WORKERS))
# The largest rate of which the limiter can still count single requests: one each microsecond.
RATE_LIMIT = "60000000/60"
BROKER = "amqp://guest:guest@127.0.0.1:5672//"
SERVER = """
import json, sys
from nexus.embedded.run import server_command
print(json.dumps(server_command(port=int(sys.argv[1]), workers=2)))
"""
"""Prints the product's own command for the web, with as many workers as there are in docker-compose.yml."""
ENGINE_GROUPS: dict[type[Postgres | Valkey | Mongo], str] = {Postgres: "postgres", Valkey: "redis", Mongo: "mongo"}


class Shop:
    """Processes and databases over engines that run already; `root` is the code that they run."""

    def __init__(self, *, var: Path, engines: Mapping[str, str], root: Path = ROOT) -> None:
        self.var, self.root = var, root
        self.name = f"bench_{secrets.token_hex(3)}"
        self.port = free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._engines = dict(engines)
        self._server = engines["NEXUS_POSTGRES_URL"].rpartition("/")[0]

    def environment(self) -> dict[str, str]:
        """What every process of the shop gets."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("NEXUS_", "DJANGO_"))}
        mongo = self._engines["NEXUS_MONGO_URL"]
        own = {
            "DJANGO_SETTINGS_MODULE": "nexus.settings.monolith",
            "NEXUS_MONGO_URL": mongo.replace("/nexus_catalog", f"/{self.name}_catalog"),
            "NEXUS_POSTGRES_URL": f"{self._server}/{self.name}",
            "NEXUS_BROKER_URL": os.environ.get("NEXUS_BROKER_URL") or BROKER,
            "NEXUS_EVENT_BUS": "celery",
            "NEXUS_BUS_NAMESPACE": self.name,
            "NEXUS_RATE_LIMIT": RATE_LIMIT,
            "NEXUS_DEMO": "1",
            "NEXUS_VAR": str(self.var),
            "NEXUS_LOG_LEVEL": "WARNING",
        }
        return plain | self._engines | own

    def python(self, *words: str, within: float = 1800.0) -> str:
        """
        Run Python on the shop's code to its end; what it wrote.

        :raises RuntimeError: it ended with another status than 0
        """
        done = self._run(words, within)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def findings(self) -> list[dict[str, Any]]:
        """
        What ``manage.py verify`` found broken; empty is well.

        :raises RuntimeError: it could not look
        """
        done = self._run(("manage.py", "verify", "--json", "--within", "30"), 1800.0)
        try:
            found: list[dict[str, Any]] = json.loads(done.stdout)
        except ValueError:
            raise RuntimeError(f"verify failed:\n{done.stderr[-2000:]}") from None
        return [finding for finding in found if finding["count"]]

    def start(self, *names: str) -> None:
        """
        Start processes (`EVERYTHING` names them) that are not running; returns when the web answers.

        :raises RuntimeError: the web does not answer within a minute
        """
        for name in names:
            if name not in self.processes:
                self.processes[name] = self._launch(name)
        if "web" in names:
            wait_until_open(self.port, self.processes["web"], path="/livez")

    def start_gateway(self, **more: str) -> int:
        """
        Start a gateway in a process of its own with these variables more; its port, when it answers.

        :raises RuntimeError: it does not answer within a minute
        """
        port = free_port()
        command = self.web_command(port)
        with (self.var / "gateway.log").open("ab") as log:
            self.processes["gateway"] = subprocess.Popen(
                command, env=self.environment() | more, cwd=self.root, stdout=log, stderr=log, start_new_session=True
            )
        wait_until_open(port, self.processes["gateway"], path="/livez")
        return port

    def kill(self, *names: str, number: int = signal.SIGTERM) -> None:
        """End processes with all their children; by force when they do not go within ten seconds."""
        ending = [self.processes.pop(name) for name in names if name in self.processes]
        for process in ending:
            send(process, number)
        for process in ending:
            end(process)

    def web_command(self, port: int = 0) -> list[str]:
        """The command that serves the shop, on its own port or another."""
        command: list[str] = json.loads(self.python("-c", SERVER, str(port or self.port)))
        return command

    def web_workers(self) -> int:
        """How many workers that command starts."""
        command = self.web_command()
        return int(command[command.index("--workers") + 1]) if "--workers" in command else 1

    def add_goods(self, *words: str, within: float = 1800.0) -> dict[str, list[str]]:
        """Run `benchmarks.goods` on the shop's code; the skus and slugs it made."""
        program = f"import runpy; runpy.run_path({str(ROOT / 'benchmarks' / 'goods.py')!r}, run_name='__main__')"
        found: dict[str, list[str]] = json.loads(self.python("-c", program, *words, within=within).splitlines()[-1])
        return found

    def stop(self) -> None:
        self.kill(*self.processes)

    def groups(self) -> dict[int, str]:
        """The roots of the shop's groups of processes, engines included."""
        found = {process.pid: name for name, process in list(self.processes.items())}
        for kind, group in ENGINE_GROUPS.items():
            if owner := Identity.read(file=kind(var=self.var, durable=True).record):
                found[owner.pid] = group
        return found

    def database(self, app: str) -> str:
        """The URL of one app's database."""
        return f"{self._server}/{self.name}_{app}"

    def sql(self, app: str, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement in an app's database, or any other on the server; its rows."""
        target = self.database(app) if app != "postgres" else f"{self._server}/postgres"
        with psycopg.connect(target, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def empty_cache(self) -> None:
        """Throw away all that is in Redis; it is the benchmark's own."""
        with Redis.from_url(self._engines["NEXUS_REDIS_URL"]) as redis:
            redis.flushall()

    def forget_queues(self) -> None:
        """Delete what the shop declared in RabbitMQ."""
        with Connection(self.environment()["NEXUS_BROKER_URL"]) as connection:
            channel = connection.default_channel
            for name in WORKERS:
                for queue in (f"{self.name}.{name}", f"{self.name}.{name}.dead"):
                    channel.queue_delete(queue)
            for exchange in (f"{self.name}.events", f"{self.name}.dead"):
                channel.exchange_delete(exchange)

    def _run(self, words: Sequence[str], within: float) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *words]
        environment = self.environment()
        return subprocess.run(
            command, env=environment, cwd=self.root, capture_output=True, text=True, timeout=within, check=False
        )

    def _launch(self, name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", *name.split()] if name != "web" else self.web_command()
        with (self.var / f"{name.replace(' ', '-')}.log").open("ab") as log:
            return subprocess.Popen(
                command, env=self.environment(), cwd=self.root, stdout=log, stderr=log, start_new_session=True
            )


def wait_until_open(port: int, process: "subprocess.Popen[bytes]", *, path: str) -> None:
    """:raises RuntimeError: it ended, or does not answer within a minute"""
    deadline = time.monotonic() + 60
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with opener.open(f"http://127.0.0.1:{port}{path}", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("the server does not answer")


def send(process: "subprocess.Popen[bytes]", number: int) -> None:
    """Signal a process that leads a session, with all its children."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def end(process: "subprocess.Popen[bytes]") -> None:
    """Wait until it has ended, by force after ten seconds, and take its children with it."""
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        send(process, signal.SIGKILL)
        process.wait()
    send(process, signal.SIGKILL)


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
