"""The flow behind ``make run``: engines, databases, demo shop, server, welcome."""

import http.client
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from . import ports
from .errors import EmbeddedError, PortTaken, tail
from .foreground import run_to_be_ended
from .launcher import engines
from .progress import Progress
from .welcome import Demo, welcome

_OPEN_WITHIN = 120.0
_LOOK_EVERY = 0.1
_INTERRUPTED = {129, 130, 143}  # 128 + SIGHUP, SIGINT, SIGTERM: whoever sent it knows


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command that has to succeed before the server starts."""

    title: str
    command: Sequence[str]


STEPS = (
    Step(title="preparing the databases", command=[sys.executable, "manage.py", "prepare"]),
    Step(title="filling the demo shop", command=[sys.executable, "manage.py", "demo", "--once"]),
)


def server_command(*, port: int, workers: int = 1) -> list[str]:
    """
    Return the command that serves the shop on the port.

    With the bus in the web process one worker is enough: it carries the events, and no second would.
    """
    place = ["--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-m", "nexus.web.server", *place, "--workers", str(workers)]


def demo_environment(addresses: Mapping[str, str], var: Path) -> dict[str, str]:
    """What the demo shop's commands find in their environment."""
    return {**addresses, "NEXUS_DEMO": "1", "NEXUS_VAR": str(var)}


class Broker(Protocol):
    """Runs a broker, or knows one, for the length of a block; yields what the shop's processes must know of it."""

    def __call__(self, *, var: Path, announce: Callable[[str], None]) -> AbstractContextManager[Mapping[str, str]]: ...


@contextmanager
def no_broker(*, var: Path, announce: Callable[[str], None]) -> Iterator[Mapping[str, str]]:
    """For a shop whose web process carries its events itself."""
    yield {}


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The demo shop: its directory (absolute), its port, and the commands that fill and serve it."""

    var: Path
    port: int
    progress: Progress
    steps: Sequence[Step]
    server: Sequence[str]
    broker: Broker = no_broker
    staff_port: Callable[[], int] = lambda: 0
    """Where staff have a port of their own, once the shop is open; 0 when it is the shop's."""
    changed: Mapping[str, str] = field(default_factory=dict)
    """Settings that were changed while it ran, for the steps; whoever serves reads them itself."""

    def run(self) -> int:
        """
        Serve until the server ends or a signal arrives; return the exit status.

        :raises PortTaken: somebody listens on the port; nothing was started
        :raises EmbeddedError: as :func:`engines`; or the logins cannot be read, or the server does not answer
        """
        if not ports.is_free(port=self.port):
            raise PortTaken(f"Port {self.port} is taken; set NEXUS_PORT to a free one, such as {self.port + 1}.")
        self.var.mkdir(parents=True, exist_ok=True)
        with self._engines() as addresses, self.broker(var=self.var, announce=self.progress.line) as bus:
            environment = demo_environment({**addresses, **bus}, self.var)
            for step in self.steps:
                if status := self._take(step, environment):
                    return status
            return self._serve(environment)

    @contextmanager
    def _engines(self) -> Iterator[Mapping[str, str]]:
        with ExitStack() as stack:
            with self.progress.step(title="starting the engines"):
                addresses = stack.enter_context(engines(var=self.var, announce=self.progress.line))
            try:
                yield addresses
            finally:
                with self.progress.step(title="stopping the engines"):
                    stack.close()

    def _take(self, step: Step, environment: Mapping[str, str]) -> int:
        log = self.var / "run.log"
        with log.open("wb") as output, self.progress.step(title=step.title):
            status = run_to_be_ended(command=step.command, environment={**environment, **self.changed}, output=output)
        if status and status not in _INTERRUPTED:
            said = tail(path=log)
            self.progress.line(f"{step.title} failed with status {status}. The end of {log}:\n{said}")
        return status

    def _serve(self, environment: Mapping[str, str]) -> int:
        demo = Demo.read(file=self.var / "demo.json")

        def greet(process: subprocess.Popen[bytes]) -> None:
            with self.progress.step(title="opening the shop"):
                is_open = self._wait_until_open(process)
            if is_open:
                curl = shutil.which("curl") is not None
                staff = self.staff_port()
                self.progress.line(
                    welcome(demo=demo, port=self.port, curl=curl, python=sys.executable, staff_port=staff)
                )

        return run_to_be_ended(command=self.server, environment=environment, once_started=greet)

    def _wait_until_open(self, process: subprocess.Popen[bytes]) -> bool:
        until = time.monotonic() + _OPEN_WITHIN
        while process.poll() is None:
            if answers_at(self.port):
                return True
            if time.monotonic() > until:
                raise EmbeddedError(f"The server does not answer /livez within {_OPEN_WITHIN:.0f} seconds; stopped.")
            time.sleep(_LOOK_EVERY)
        return False


def answers_at(port: int) -> bool:
    """Whether a shop's server on that port is alive."""
    # Not urllib: it would ask a proxy named in the environment.
    connection = http.client.HTTPConnection(ports.LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
