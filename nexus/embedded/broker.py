"""RabbitMQ for the shapes that need one: the one that is named, the one that is there, or a node of our own."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from kombu import Connection

from . import ports
from .errors import EmbeddedError, tail

VARIABLE = "NEXUS_BROKER_URL"
USUAL = "amqp://guest:guest@127.0.0.1:5672//"
SERVERS = Path("/usr/lib/rabbitmq/lib")
READY_WITHIN, STOP_WITHIN = 90.0, 15.0
LOOK_EVERY = 0.2


@contextmanager
def broker(*, var: Path, announce: Callable[[str], None]) -> Iterator[Mapping[str, str]]:
    """
    What the shop's processes find in their environment about their bus, for the length of the block.

    Queues begin with a name that belongs to ``var``: two shops may share a broker without hearing each other.

    :raises EmbeddedError: no broker answers, and none is installed that could be started
    """
    if os.environ.get("NEXUS_EVENT_BUS") == "kafka":
        yield {}
        return
    environment = {"NEXUS_EVENT_BUS": "celery", "NEXUS_BUS_NAMESPACE": _namespace_of(var)}
    if url := os.environ.get(VARIABLE):
        yield environment | {VARIABLE: url}
    elif not (var / "rabbitmq").exists() and answers(USUAL):
        announce("RabbitMQ is there already, at its usual place")
        yield environment | {VARIABLE: USUAL}
    else:
        # Where a node of the shop's own has been, its queues are: another, come since, has none of what waits there.
        with _own_node(var / "rabbitmq", name=_namespace_of(var)) as own:
            announce("RabbitMQ answers")
            yield environment | {VARIABLE: own}


def answers(url: str) -> bool:
    """Whether a broker there lets us in."""
    connection = Connection(url, connect_timeout=2)
    try:
        connection.connect()
    except Exception:  # noqa: BLE001  whatever keeps us out, nobody answers
        return False
    finally:
        connection.release()
    return True


def _namespace_of(var: Path) -> str:
    file = var / "bus"
    if not file.exists():
        file.write_text(f"nexus-{secrets.token_hex(4)}")
    return file.read_text().strip()


@contextmanager
def _own_node(home: Path, *, name: str) -> Iterator[str]:
    program = _program()
    home.mkdir(parents=True, exist_ok=True)
    port = ports.choose(file=home / "port")
    distribution = ports.choose(file=home / "distribution-port")
    log = home / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program],
            env=os.environ | _settings(home, name, port, distribution),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"amqp://guest:guest@127.0.0.1:{port}//"
        _wait_until_answers(url, process, log)
        yield url
    finally:
        _stop(process)


def _program() -> str:
    # Past the wrapper in the PATH, which wants to run as the system's own node.
    found = next(SERVERS.glob("rabbitmq_server-*/sbin/rabbitmq-server"), None) or shutil.which("rabbitmq-server")
    if found is None:
        raise EmbeddedError(
            f"No RabbitMQ answers, and none is installed to be started here; set {VARIABLE}, install rabbitmq-server, "
            "or run the shop without one: make run"
        )
    return str(found)


def _settings(home: Path, name: str, port: int, distribution: int) -> dict[str, str]:
    return {
        "HOME": str(home),
        # Names its data too, so it must stay the same whichever port is free.
        "RABBITMQ_NODENAME": f"{name}@localhost",
        "ERL_EPMD_ADDRESS": ports.LOOPBACK,
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_NODE_IP_ADDRESS": ports.LOOPBACK,
        "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home / "logs"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
    }


def _wait_until_answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + READY_WITHIN
    while not answers(url):
        if process.poll() is not None or time.monotonic() > until:
            raise EmbeddedError(f"RabbitMQ does not answer. The end of {log}:\n{tail(path=log)}")
        time.sleep(LOOK_EVERY)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    # The script passes nothing on and does not wait: what is asked, and waited for, is the whole group, the node in it.
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + STOP_WITHIN
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
            while time.monotonic() < until:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(LOOK_EVERY)
