"""
RabbitMQ for tests: the node that NEXUS_BROKER_URL names, or a private one on ports of its own.

In CI it is an error when there is neither: tests over a broker must not quietly not run.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nexus.embedded.broker import SERVERS, USUAL, answers
from tests.eventually import eventually
from tests.ports import free_port


class PrivateRabbitMQ:
    """A node of our own that can be killed and started again; its data stays."""

    def __init__(self, home: Path, *, management: bool = False) -> None:
        self.home = home
        self.port, self._distribution = free_port(), free_port()
        self._management = free_port() if management else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    @property
    def management_url(self) -> str:
        return f"http://127.0.0.1:{self._management}"

    def start(self) -> None:
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start it without waiting for it."""
        self.home.mkdir(exist_ok=True)
        if self._management:
            (self.home / "plugins").write_text("[rabbitmq_management].")
            place = f"management.tcp.port = {self._management}\nmanagement.tcp.ip = 127.0.0.1\n"
            (self.home / "rabbitmq.conf").write_text(place)
        with (self.home / "out.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_tool("rabbitmq-server")],
                env=self._environment(),
                stdout=log,
                stderr=log,
                cwd=self.home,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        eventually(lambda: answers(self.url), within=90, every=0.2)

    def kill(self) -> None:
        """As a power cut would, children included."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def pause(self) -> None:
        """Let it hang as it is: connections stay open and nobody answers."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Wake it again; one that runs already does not mind."""
        self._signal(signal.SIGCONT)

    def control(self, *words: str) -> str:
        """Run ``rabbitmqctl`` on it; what it says."""
        command = [_tool("rabbitmqctl"), "--quiet", "--node", self.name, *words]
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _signal(self, number: int) -> None:
        if self._process:
            os.killpg(self._process.pid, number)

    @property
    def name(self) -> str:
        return f"nexus-{self.port}@localhost"

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "HOME": str(self.home),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(self.home / "data"),
            "RABBITMQ_LOG_BASE": str(self.home / "log"),
            "RABBITMQ_PID_FILE": str(self.home / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2",
        }


@contextmanager
def private_rabbitmq(*, management: bool = False) -> Iterator[PrivateRabbitMQ]:
    """A private node that is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="nexus-rabbitmq-"))
    node = PrivateRabbitMQ(home, management=management)
    try:
        node.start()
        yield node
    finally:
        node.kill()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def some_rabbitmq() -> Iterator[str]:
    """The URL of a broker that answers, started here if need be."""
    url = os.environ.get("NEXUS_BROKER_URL", USUAL)
    if answers(url):
        yield url
        return
    with private_rabbitmq() as node:
        yield node.url


def _tool(name: str) -> str:
    # Past the wrapper in the PATH, which wants to run as the system's own node.
    script = next(SERVERS.glob(f"rabbitmq_server-*/sbin/{name}"), None)
    found = str(script) if script else shutil.which(name)
    if found is None:
        raise RuntimeError("no RabbitMQ answers at NEXUS_BROKER_URL and none is installed to start one")
    return found
