"""
The web process: the apps' express lane in front of Django. With the in-process bus it also carries events to their
subscribers.
"""

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nexus.settings.monolith")
from nexus.telemetry.processes import share_figures

# One parent started all workers of this server; before anything that counts is imported.
share_figures(role="web", owner=os.getppid())
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402

from nexus.eventbus import bus  # noqa: E402
from nexus.eventbus.engine_figures import EngineCollector  # noqa: E402
from nexus.eventbus.garbage import look_at_new_objects_only  # noqa: E402
from nexus.eventbus.metrics import BusCollector  # noqa: E402
from nexus.telemetry import tracing  # noqa: E402
from nexus.telemetry.exposition import serve_if_asked  # noqa: E402
from nexus.web import registration  # noqa: E402
from nexus.web.express.cors import CrossOrigin  # noqa: E402
from nexus.web.express.lane import Lane  # noqa: E402
from nexus.web.express.ordinary import Ordinary  # noqa: E402
from nexus.web.logs import Journal  # noqa: E402

GIVE_WAY = 0.0001
"""Seconds."""


def _modules(kind: str) -> list[ModuleType]:
    """What the installed apps have under that name in `api`; by name, so that any app can be absent."""
    names = [f"nexus.{app}.api.{kind}" for app in settings.APPS]
    return [import_module(name) for name in names if find_spec(name.rpartition(".")[0]) and find_spec(name)]


def _start() -> None:
    tracing.begin_if_asked("web")
    # What is read from the stores one tells for all: whoever carries the events.
    carries = bus.start_in_web_process()
    serve_if_asked(*([BusCollector(), EngineCollector()] if carries else []))
    look_at_new_objects_only()
    # How long a thread keeps the others waiting: the event loop is always busy, and whoever comes back from the
    # database with a batch of orders would stand before it for the usual 5 ms, several times a batch.
    sys.setswitchinterval(GIVE_WAY)
    if _registration:
        _registration.begin()


def _stop() -> None:
    if _registration:
        _registration.end()
    tracing.end()


_registration = registration.of_settings()
_elsewhere = [module.elsewhere for module in _modules("elsewhere")] if settings.SERVICES else []
_doors = [module for module in _modules("express") if hasattr(module, "door")]
_KEEPER = ("door", "early_door", "common_door", "ready_door", "lines")
_lane = Lane(
    routes=[route for module in _modules("express") for route in getattr(module, "ROUTES", ())],
    ordinary=Ordinary(WSGIHandler()),
    elsewhere=_elsewhere[0] if _elsewhere else None,
    streams={path: answer for module in _modules("express") for path, answer in getattr(module, "STREAMS", {}).items()},
    journal=Journal() if settings.LOG_FORMAT == "ecs" else None,
    started=_start,
    stopped=_stop,
    **({name: getattr(_doors[0], name) for name in _KEEPER} if _doors else {}),
)
application = CrossOrigin(_lane, origins=settings.CORS_ORIGINS) if settings.CORS_ORIGINS else _lane
