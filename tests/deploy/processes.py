"""The compose file's Nexus services as plain processes, with its own commands, variables and health checks."""

import contextlib
import os
import select
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from kombu import Connection, Exchange

from nexus.embedded.shapes import SUBSCRIBERS
from tests.deploy.tools import REPOSITORY, Config
from tests.ports import free_port
from tests.rabbitmq import some_rabbitmq

HOSTS = {"NEXUS_POSTGRES_URL": 5432, "NEXUS_MONGO_URL": 27017, "NEXUS_BROKER_URL": 5672}
"""Variables whose host is in compose a service with this port, and here a forwarder with a port of its own."""


class Forwarder(socketserver.ThreadingTCPServer):
    """Stands before a server under a port that only we connect to, and can be cut."""

    daemon_threads = True

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), Forward)
        self.port: int = self.socket.getsockname()[1]
        self.target = target
        self.open: set[socket.socket] = set()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def cut(self) -> None:
        """Hang up on everybody and let nobody in."""
        self.shutdown()
        self.server_close()
        for each in list(self.open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class Forward(socketserver.BaseRequestHandler):
    server: Forwarder

    def handle(self) -> None:
        with socket.create_connection(self.server.target) as upstream, contextlib.suppress(OSError):
            pair = {self.request, upstream}
            self.server.open |= pair
            while True:
                for source in select.select([*pair], [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    (pair - {source}).pop().sendall(data)


class Deployment:
    """Stores reached through forwarders, and services started as compose would, by default from the working tree."""

    def __init__(
        self,
        config: Config,
        *,
        addresses: dict[str, SplitResult],
        folder: Path,
        namespace: str,
        home: Path = REPOSITORY,
        owner: str = "",
    ) -> None:
        """`owner` is here who in compose is ``nexus`` in Postgres, and begins the roles' names."""
        self._services = config["services"]
        self.more: dict[str, str] = {}
        """Variables for all of them, which win over compose's."""
        self._folder, self._namespace, self._home, self._owner = folder, namespace, home, owner
        self.addresses = addresses
        self.forwarders = {name: Forwarder((url.hostname or "", url.port or 0)) for name, url in addresses.items()}
        self.ports = {str(HOSTS[name]): str(forwarder.port) for name, forwarder in self.forwarders.items()}
        self.ports["8080"] = str(free_port())

    def command(self, service: str) -> list[str]:
        return [sys.executable, *self._at_our_ports(self._services[service]["command"])]

    def environment(self, service: str) -> dict[str, str]:
        """The service's variables: addresses of what runs here, secrets from files in a folder of ours."""
        theirs = self._services[service]["environment"]
        ours = {name: value for name, value in os.environ.items() if name.endswith("_PASSWORD") or name[:6] != "NEXUS_"}
        ours["DJANGO_SETTINGS_MODULE"] = "nexus.settings.monolith"
        ours |= {name: here for name, value in theirs.items() if (here := self._here(name, value))}
        return ours | {"NEXUS_BUS_NAMESPACE": self._namespace, "NEXUS_VAR": str(self._folder / "var")} | self.more

    def _here(self, name: str, value: str) -> str:
        """A variable's value as it is here; empty where there is none."""
        if name in self.addresses:
            return self._through_forwarder(name, urlsplit(value).username or "")
        if name.endswith("_FILE"):
            secret = self._folder / Path(value).name
            return str(secret) if secret.exists() else ""
        # One machine has each port once, and Redis where the outer run has it.
        return {"NEXUS_METRICS_PORT": "", "NEXUS_REDIS_URL": os.environ["NEXUS_REDIS_URL"]}.get(name, value)

    def _through_forwarder(self, name: str, theirs: str) -> str:
        url = self.addresses[name]
        user = url.username or ""
        if self._owner and name == "NEXUS_POSTGRES_URL":
            user = self._owner + theirs.removeprefix("nexus")
        place = f"127.0.0.1:{self.forwarders[name].port}"
        return urlunsplit(url._replace(netloc=f"{user}@{place}" if user else place))

    @contextlib.contextmanager
    def running(self, service: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
        """The service's process, which SIGTERM then ends within compose's patience."""
        log = (self._folder / f"{service}.log").open("wb")
        environment = self.environment(service) | more
        process = subprocess.Popen(
            self.command(service), cwd=self._home, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process
            process.terminate()
            process.wait(timeout=30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            log.close()

    def run(self, service: str) -> subprocess.CompletedProcess[str]:
        """A one-shot to its end."""
        command, environment = self.command(service), self.environment(service)
        return subprocess.run(
            command, cwd=self._home, env=environment, capture_output=True, text=True, check=False, timeout=120
        )

    def is_healthy(self, service: str) -> bool:
        """What the service's health check says, within its time."""
        check = self._services[service]["healthcheck"]
        kind, program, *words = check["test"]
        assert (kind, program) == ("CMD", "python")
        command = [sys.executable, *self._at_our_ports(words)]
        try:
            done = subprocess.run(
                command,
                cwd=self._home,
                env=self.environment(service),
                check=False,
                capture_output=True,
                timeout=float(check["timeout"].rstrip("s")),
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def close(self) -> None:
        for forwarder in self.forwarders.values():
            forwarder.cut()

    def _at_our_ports(self, words: Sequence[str]) -> list[str]:
        changed = list(words)
        for theirs, ours in self.ports.items():
            changed = [ours if word == theirs else word.replace(f", {theirs},", f", {ours},") for word in changed]
        return changed


@contextlib.contextmanager
def bus_of_its_own(namespace: str) -> Iterator[str]:
    """RabbitMQ's address; what was declared there under the namespace is taken away afterwards."""
    with some_rabbitmq() as url:
        yield url
        with Connection(url) as connection:
            for queue in (f"{namespace}.{name}{end}" for name in SUBSCRIBERS for end in ("", ".dead")):
                connection.default_channel.queue_delete(queue)
            for exchange in (f"{namespace}.events", f"{namespace}.dead"):
                Exchange(exchange)(connection.default_channel).delete()


def password_of(url: SplitResult) -> str:
    return unquote(url.password or "")


def renamed(url: str, path: str) -> SplitResult:
    return urlsplit(url)._replace(path=path)
