"""Figures as Prometheus reads them, on a port of their own that the public listener knows nothing of."""

import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.conf import settings
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from nexus.telemetry.figures import REGISTRY
from nexus.telemetry.processes import FOLDER, forget_the_dead

log = logging.getLogger("nexus.telemetry")

EVERY = 5.0
"""Seconds between looks whether the port is free."""


class CountedHere(Collector):
    """What was counted by this process, or by all that share its folder."""

    def describe(self) -> list[Metric]:
        """Nothing is read before somebody asks."""
        return []

    def collect(self) -> Iterable[Metric]:
        if folder := os.environ.get(FOLDER):
            forget_the_dead(Path(folder))
            return MultiProcessCollector(CollectorRegistry(), folder).collect()  # type: ignore[no-untyped-call]
        return REGISTRY.collect()


def serve_if_asked(*collectors: Collector) -> None:
    """
    Answer Prometheus where ``METRICS_PORT`` says so.

    Of processes that count together one has the port, and when it ends another takes it, within some seconds. Where
    somebody else has it, this process goes without.
    """
    if not (port := settings.METRICS_PORT):
        return
    try:
        serve(port, collectors)
    except OSError as why:
        log.warning("no metrics on port %d: %s", port, why)
        if FOLDER in os.environ:
            Thread(target=_wait_for, args=(port, collectors), name="metrics", daemon=True).start()


def _wait_for(port: int, collectors: Sequence[Collector]) -> None:
    while True:
        time.sleep(EVERY)
        try:
            serve(port, collectors)
        except OSError:
            continue
        return


def serve(port: int, collectors: Sequence[Collector] = (), *, address: str = "0.0.0.0") -> Callable[[], None]:  # noqa: S104  Prometheus asks from elsewhere
    """
    Answer Prometheus on that port from a thread; returns what stops it.

    :raises OSError: somebody has the port
    """
    registry = CollectorRegistry()
    for collector in (CountedHere(), *collectors):
        registry.register(collector)
    server = _Server((address, port), _Quiet)
    server.set_app(make_wsgi_app(registry))
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    # A child that outlives us must not hold a port on which it does not answer.
    os.register_at_fork(after_in_child=server.socket.close)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(5)

    return stop


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = 10
    """Seconds for a request that does not come."""

    def log_message(self, format: str, *args: object) -> None:
        pass
