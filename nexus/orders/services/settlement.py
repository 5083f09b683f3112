"""
Waiting until an order is settled, for ``Prefer: wait``.

All waiting requests of a process share one look at the database every few milliseconds, and only while somebody waits.
"""

import threading
import time
from collections.abc import Callable
from uuid import UUID

from django.db import close_old_connections, connections

from nexus.orders.models import DATABASE
from nexus.orders.selectors import list_settled

LOOK_EVERY = 0.02
MOST_WAITING = 8
"""Each waiting request holds a thread of the server; beyond this many the answer is given at once."""


class Settlement:
    """Wakes those who wait for an order when it is no longer `placed`."""

    def __init__(self, look: Callable[[set[UUID]], set[UUID]] = list_settled) -> None:
        self._look = look
        self._waiting: dict[UUID, list[threading.Event]] = {}
        self._lock = threading.Lock()
        self._running = False

    def wait(self, order_id: UUID, *, timeout: float) -> bool:
        """True when the order is settled, False when the time is up or too many wait already."""
        settled = threading.Event()
        with self._lock:
            if sum(map(len, self._waiting.values())) >= MOST_WAITING:
                return False
            self._waiting.setdefault(order_id, []).append(settled)
            if not self._running:
                self._running = True
                threading.Thread(target=self._watch, name="settlement", daemon=True).start()
        # The connection goes back to the pool: whoever waits must not keep one from those who work.
        connections[DATABASE].close()
        try:
            return settled.wait(timeout)
        finally:
            with self._lock:
                self._waiting.get(order_id, [settled]).remove(settled)
                if not self._waiting.get(order_id):
                    self._waiting.pop(order_id, None)

    def _watch(self) -> None:
        while True:
            with self._lock:
                ids = set(self._waiting)
                if not ids:
                    self._running = False
                    break
            for order_id in self._look(ids):
                with self._lock:
                    for settled in self._waiting.get(order_id, []):
                        settled.set()
            time.sleep(LOOK_EVERY)
        connections[DATABASE].close()


def _safe_look(ids: set[UUID]) -> set[UUID]:
    try:
        return list_settled(ids)
    except Exception:  # noqa: BLE001  the database is away for a moment: those who wait simply go on waiting
        close_old_connections()
        return set()


_settlement = Settlement(_safe_look)


def wait_until_settled(order_id: UUID, *, timeout: float) -> bool:
    """True as soon as the order is no longer `placed`; False after `timeout` seconds, or when many wait already."""
    return _settlement.wait(order_id, timeout=timeout)
