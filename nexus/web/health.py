"""
Probes. `/livez` is about the process alone; `/readyz` about what this role cannot work without. A cache or broker that
is down degrades us but must not take every pod out of service at once, so neither makes us unready. `/startupz` is
about the schema: code must not be asked for anything before its tables are there.
"""

import time
from collections.abc import Callable

from django.conf import settings
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

KEEP = 1.0
_last: tuple[float, dict[str, str]] = (float("-inf"), {})

_started = False
checks: dict[str, Callable[[], None]] = {}
"""More things that this process cannot work without, by name; a check raises when its thing is not there."""


class MigrationsMissing(Exception):
    """The database's schema is older than the code."""


def livez(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "alive"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every necessary store answers, else 503; detail by name."""
    states = _states()
    ready = all(state == "ok" for state in states.values())
    return JsonResponse({"status": "ready" if ready else "not ready", "checks": states}, status=200 if ready else 503)


def startupz(request: HttpRequest) -> JsonResponse:
    """200 once every migration that this code knows is applied, and from then on without asking; else 503."""
    global _started
    if not _started:
        states = {alias: _state_of(_compare(alias)) for alias in settings.DATABASES if _is_real(alias)}
        _started = all(state == "ok" for state in states.values())
        if not _started:
            return JsonResponse({"status": "starting", "checks": states}, status=503)
    return JsonResponse({"status": "started"})


def _states() -> dict[str, str]:
    global _last
    if time.monotonic() - _last[0] > KEEP:
        probes = {alias: _ask(alias) for alias in settings.DATABASES if _is_real(alias)} | checks
        _last = (time.monotonic(), {name: _state_of(probe) for name, probe in probes.items()})
    return _last[1]


def _is_real(alias: str) -> bool:
    return not settings.DATABASES[alias]["ENGINE"].endswith("dummy")


def _ask(alias: str) -> Callable[[], None]:
    def ask() -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")

    return ask


def _compare(alias: str) -> Callable[[], None]:
    def compare() -> None:
        executor = MigrationExecutor(connections[alias])
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise MigrationsMissing

    return compare


def _state_of(probe: Callable[[], None]) -> str:
    try:
        probe()
    except MigrationsMissing:
        return "migrations missing"
    except Exception:  # noqa: BLE001  whatever a driver raises means the same here; details stay out of public answers
        return "unreachable"
    return "ok"
