"""The gateway as a process of its own before services that are not ours, and raw requests to either."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.eventually import eventually
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
WITHIN = 15.0
CHUNK = re.compile(rb"([0-9a-fA-F]+)[^\r\n]*\r\n")


@dataclass(frozen=True, kw_only=True)
class Raw:
    """An answer as it came over the wire, the body put together."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    rest: bytes = b""
    whole: bool = True

    def header(self, name: str) -> str:
        return ", ".join(value for each, value in self.headers if each == name)


def send(port: int, *pieces: bytes, within: float = WITHIN) -> Raw:
    """Send bytes as they are and read all that comes until the server hangs up; they should ask it to."""
    with socket.create_connection(("127.0.0.1", port), timeout=within) as connection:
        for piece in pieces:
            connection.sendall(piece)
        said = b""
        try:
            while more := connection.recv(1 << 16):
                said += more
        except ConnectionResetError:
            pass
    return parse(said, head=pieces[0].startswith(b"HEAD "))


def parse(said: bytes, *, head: bool = False) -> Raw:
    """:raises ValueError: it is no answer of HTTP/1"""
    start, found, rest = said.partition(b"\r\n\r\n")
    if not found or not start.startswith(b"HTTP/1."):
        raise ValueError(f"no answer: {said[:200]!r}")
    first, *lines = start.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    named, status = dict(headers), int(first.split()[1])
    if head or status in (204, 304):
        return Raw(status=status, headers=headers, body=b"", rest=rest)
    if named.get("transfer-encoding") == "chunked":
        body, rest, whole = _unchunked(rest)
        return Raw(status=status, headers=headers, body=body, rest=rest, whole=whole)
    length = int(named.get("content-length", len(rest)))
    return Raw(status=status, headers=headers, body=rest[:length], rest=rest[length:], whole=len(rest) >= length)


def _unchunked(said: bytes) -> tuple[bytes, bytes, bool]:
    body = b""
    while match := CHUNK.match(said):
        size, at = int(match[1], 16), match.end()
        if not size:
            return body, said[at + 2 :], True
        body, said = body + said[at : at + size], said[at + size + 2 :]
    return body, said, False


@contextmanager
def served(application: str, *, folder: Path, port: int = 0, **environment: str) -> Iterator[int]:
    """An application behind the server that Nexus runs on; its port."""
    port = port or free_port()
    command = [sys.executable, "-m", "nexus.web.server", application, "--port", str(port), "--patience", "2"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("NEXUS_", "DJANGO_"))}
    with (folder / f"{application.partition(':')[0]}-{port}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=plain | environment, stdout=log, stderr=log)
    try:
        eventually(lambda: _is_open(port), within=30)
        yield port
    finally:
        process.terminate()
        process.wait(15)


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def door(services: Mapping[str, str], *, folder: Path, **environment: str) -> Iterator[int]:
    """The gateway's own process, with these services elsewhere; its port."""
    addresses = ", ".join(f"{name}={address}" for name, address in services.items())
    settings = {"DJANGO_SETTINGS_MODULE": "nexus.settings.gateway", "NEXUS_DEMO": "1", "NEXUS_VAR": str(folder)}
    environment |= settings | {"NEXUS_SERVICES": addresses}
    with served("nexus.asgi:application", folder=folder, **environment) as port:
        yield port


@contextmanager
def both(folder: Path, **environment: str) -> Iterator[tuple[int, int]]:
    """A service's port, and the port of a door before it."""
    with ExitStack() as stack:
        direct = stack.enter_context(served("tests.gateway.service_app:app", folder=folder))
        services = dict.fromkeys(("orders", "catalog"), f"http://127.0.0.1:{direct}")
        yield direct, stack.enter_context(door(services, folder=folder, **environment))
