"""What the web process counts and traces of each request, and of its pools once a second."""

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from django.db.backends.postgresql.base import DatabaseWrapper
from opentelemetry.trace import Span, SpanKind
from prometheus_client import Histogram

from nexus.telemetry import figures, tracing
from nexus.telemetry.tallies import tally
from nexus.web.express.ordinary import Ordinary
from nexus.web.logs import route_of
from nexus.web.middleware import TRACEPARENT

EVERY = 1.0
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count(scope: Mapping[str, Any], *, status: int, seconds: float) -> None:
    """A request was answered, or was not: then the status is 0."""
    tally().observe(duration_of(scope, status), seconds)


def duration_of(scope: Mapping[str, Any], status: int) -> Histogram:
    """Where it is counted."""
    return _duration(_method(scope), route_of(scope["path"]), status)


@lru_cache(maxsize=4096)
def _duration(method: str, route: str, status: int) -> Histogram:
    return figures.requests.labels(method, route, str(status))


def _method(scope: Mapping[str, Any]) -> str:
    """Names that a client makes up would be names without end; the semantic conventions call them all _OTHER."""
    return scope["method"] if scope["method"] in METHODS else "_OTHER"


class Traced:
    """A request as a span; `scope` is the request with the span's mark in place of what the caller sent."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        method, route = _method(scope), route_of(scope["path"])
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), "")
        attributes = {"http.request.method": method, "http.route": route, "url.path": scope["path"][:200]}
        self._span: Span = tracing.start(
            f"{method} {route}",
            parent=given if TRACEPARENT.fullmatch(given) and _is_one(given) else "",
            kind=SpanKind.SERVER,
            attributes=attributes,
        )
        headers = [each for each in scope["headers"] if each[0] != b"traceparent"]
        headers.append((b"traceparent", tracing.mark_of(self._span).encode()))
        self.scope = {**scope, "headers": headers}

    def end(self, status: int) -> None:
        """It was answered so."""
        if self._span.is_recording():
            self._span.set_attribute("http.response.status_code", status)
        tracing.stop(self._span, failure=f"status {status}" if status >= 500 or not status else None)


def _is_one(traceparent: str) -> bool:
    """Of nought alone a trace or span cannot be."""
    _, trace, span, _ = traceparent.split("-")
    return bool(trace.strip("0")) and bool(span.strip("0"))


class Pools:
    """Sets the figures of what is limited in this process, once a second on the event loop."""

    def __init__(self, *, ordinary: Ordinary, under_way: Callable[[], int]) -> None:
        self._ordinary, self._under_way = ordinary, under_way
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Look now, and again every second."""
        self._timer = asyncio.get_running_loop().call_later(EVERY, self.begin)
        self._look()

    def end(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _look(self) -> None:
        figures.requests_under_way.set(self._under_way())
        _set("threads", self._ordinary.threads, self._ordinary.working, self._ordinary.waiting)
        for alias, pool in list(DatabaseWrapper._connection_pools.items()):  # type: ignore[attr-defined]
            stats = pool.get_stats()
            in_use = stats.get("pool_size", 0) - stats.get("pool_available", 0)
            _set(f"postgres {alias}", stats.get("pool_max", 0), in_use, stats.get("requests_waiting", 0))


def _set(pool: str, size: int, in_use: int, waiting: int) -> None:
    figures.pool_size.labels(pool).set(size)
    figures.pool_in_use.labels(pool).set(in_use)
    figures.pool_waiting.labels(pool).set(waiting)
