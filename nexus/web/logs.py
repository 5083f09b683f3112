"""
Log lines for machines in Elastic Common Schema, when ``NEXUS_LOG_FORMAT`` is ``ecs``: one for each request, and what
the code has to say (https://www.elastic.co/guide/en/ecs-logging/overview/current/intro.html).

Nothing personal is in them: no query, no token, and of an address its network alone.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec
from django.conf import settings

from nexus.contracts.correlation import current_cause
from nexus.web.aliases import real_path

EVERY = 0.2
"""Seconds for which lines of requests gather: they are written together, beside the hot path."""
ECS = "8.11.0"
DEEPEST, LONGEST = 3, 128
KNOWN = (*sorted(settings.ROUTES, key=len, reverse=True), "/admin", "/static", "/api/schema", "/api/docs")
KNOWN += ("/livez", "/readyz", "/startupz")


class EcsFormatter(logging.Formatter):
    """A record of Python's logging as one line, with the correlation id of what is being done."""

    def format(self, record: logging.LogRecord) -> str:
        line = _begun(datetime.fromtimestamp(record.created, UTC), record.levelname.lower(), record.getMessage())
        line |= {"log.logger": record.name, "event.dataset": "nexus.app"}
        cause = current_cause()
        line |= {"labels.correlation_id": cause.correlation_id} if cause.correlation_id else {}
        line |= {"trace.id": cause.traceparent[3:35]} if cause.traceparent else {}
        line |= getattr(record, "ecs", {})
        if record.exc_info and (kind := record.exc_info[0]):
            line |= {"error.type": kind.__name__, "error.message": str(record.exc_info[1])}
            line |= {"error.stack_trace": self.formatException(record.exc_info)}
        return msgspec.json.encode(line).decode()


class Journal:
    """The lines of requests; at most a fifth of a second late."""

    def __init__(self, write: Callable[[bytes], Any] | None = None) -> None:
        self._write = write or _to_stderr
        self._lines: list[bytes] = []

    def note(self, scope: Mapping[str, Any], *, status: int, seconds: float, identity: str) -> None:
        """A request was answered, or was not: then the status is 0."""
        if not self._lines:
            asyncio.get_running_loop().call_later(EVERY, self.flush)
        self._lines.append(line_of(scope, status=status, seconds=seconds, identity=identity))

    def flush(self) -> None:
        """Write what has gathered."""
        lines, self._lines = self._lines, []
        if lines:
            self._write(b"".join(lines))


class Watched:
    """An ASGI ``send`` that remembers how and when the answer began, and whether it is a stream of events."""

    __slots__ = ("_send", "began", "identity", "status", "streams")

    def __init__(self, send: Any) -> None:
        self._send, self.status, self.identity, self.streams, self.began = send, 0, "", False, 0.0

    def __call__(self, message: Mapping[str, Any]) -> Any:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            named = {name.lower(): value for name, value in message["headers"]}
            self.identity = named.get(b"x-request-id", b"").decode()
            self.streams = named.get(b"content-type", b"").startswith(b"text/event-stream")
            self.began = time.perf_counter()
        return self._send(message)


def line_of(scope: Mapping[str, Any], *, status: int, seconds: float, identity: str) -> bytes:
    """The canonical line of one request."""
    failed = status >= 500 or not status
    line = _begun(datetime.now(UTC), "error" if failed else "info", f"{scope['method']} {scope['path']} {status}")
    line |= {
        "event.dataset": "nexus.access",
        "event.outcome": "failure" if failed else "success",
        "event.duration": int(seconds * 1e9),
        "http.request.method": scope["method"],
        "http.response.status_code": status,
        "url.path": scope["path"],
        "client.ip": network_of(scope["client"][0] if scope["client"] else ""),
        "labels.route": route_of(scope["path"]),
        "labels.correlation_id": identity,
    }
    if trace := next((value for name, value in scope["headers"] if name == b"traceparent"), b""):
        line["trace.id"] = trace[3:35].decode("latin-1")
    return msgspec.json.encode(line) + b"\n"


def _begun(at: datetime, level: str, message: str) -> dict[str, Any]:
    """What the specification wants first, in its order."""
    return {
        "@timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "log.level": level,
        "message": message,
        "ecs.version": ECS,
        "service.name": f"nexus-{settings.APPS[0]}" if len(settings.APPS) == 1 else "nexus",
    }


def route_of(path: str) -> str:
    """The path without what differs from one thing to another: few names, whatever is asked for."""
    path = real_path(path)
    # What is remembered must not be as long as whoever asks likes.
    return _route_of(path) if len(path) <= LONGEST else _route_of.__wrapped__(path)


@lru_cache(maxsize=4096)
def _route_of(path: str) -> str:
    prefix = next((each for each in KNOWN if path == each or path.startswith(f"{each}/")), None)
    if prefix is None:
        return "/" if path == "/" else "other"
    return prefix + "/*" * min(path.removeprefix(prefix).rstrip("/").count("/"), DEEPEST)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The /24 or /48 of an address: enough to tell an attack from customers, too little to tell customers apart."""
    try:
        size = 24 if ip_address(address).version == 4 else 48
    except ValueError:
        return ""
    return str(ip_network(f"{address}/{size}", strict=False).network_address)


def _to_stderr(lines: bytes) -> None:
    sys.stderr.buffer.write(lines)
    sys.stderr.buffer.flush()
