"""Small work that is due again and again: sweeping, expiring, reconciling."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from django.db import close_old_connections, connections

from nexus.telemetry import figures

log = logging.getLogger("nexus.eventbus.chores")


class Chores:
    """Does each chore every so many seconds; one that fails is logged and tried again when it is next due."""

    def __init__(self, chores: Mapping[Callable[[], object], float]) -> None:
        self._chores = chores

    def run(self, stop: threading.Event) -> None:
        """Go on until told to stop."""
        due = {chore: time.monotonic() + every for chore, every in self._chores.items()}
        while not stop.wait(max(0.0, min(due.values()) - time.monotonic())):
            chore = min(due, key=lambda each: due[each])
            self._do(chore)
            due[chore] = time.monotonic() + self._chores[chore]

    @staticmethod
    def _do(chore: Callable[[], object]) -> None:
        close_old_connections()
        name, began, result = getattr(chore, "__name__", type(chore).__name__), time.monotonic(), "ok"
        try:
            chore()
        except Exception as failure:  # noqa: BLE001  whatever went wrong, the chore is due again soon
            result = "failed"
            log.warning("%s failed: %s: %s", name, type(failure).__name__, failure)
        finally:
            figures.chores.labels(name, result).observe(time.monotonic() - began)
            # Between rounds the connections belong to those who work all the time.
            connections.close_all()
