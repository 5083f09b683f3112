"""
Waiting until an order is settled: in a thread for ``Prefer: wait``, on the event loop for who watches it.

All who wait in a process share one look at the database every few milliseconds, and only while somebody waits.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
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
        self._waiting: dict[UUID, list[Callable[[], object]]] = {}
        self._lock = threading.Lock()
        self._threads = 0
        self._running = False

    def wait(self, order_id: UUID, *, timeout: float) -> bool:
        """True when the order is settled, False when the time is up or too many threads wait already."""
        with self._lock:
            if self._threads >= MOST_WAITING:
                return False
            self._threads += 1
        settled = threading.Event()
        try:
            # The connection goes back to the pool: whoever waits must not keep one from those who work.
            connections[DATABASE].close()
            with self._watched(order_id, settled.set):
                return settled.wait(timeout)
        finally:
            with self._lock:
                self._threads -= 1

    async def wait_on_loop(self, order_id: UUID, *, timeout: float) -> bool:
        """The same on the event loop, where any number may wait."""
        settled, loop = asyncio.Event(), asyncio.get_running_loop()
        with self._watched(order_id, partial(loop.call_soon_threadsafe, settled.set)):
            try:
                async with asyncio.timeout(timeout):
                    await settled.wait()
            except TimeoutError:
                return False
        return True

    @contextmanager
    def _watched(self, order_id: UUID, wake: Callable[[], object]) -> Iterator[None]:
        with self._lock:
            if not self._running:
                threading.Thread(target=self._watch, name="settlement", daemon=True).start()
                self._running = True
            self._waiting.setdefault(order_id, []).append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._waiting[order_id].remove(wake)
                if not self._waiting[order_id]:
                    del self._waiting[order_id]

    def _watch(self) -> None:
        while True:
            with self._lock:
                ids = set(self._waiting)
                if not ids:
                    self._running = False
                    break
            for order_id in self._look(ids):
                with self._lock:
                    for wake in self._waiting.get(order_id, []):
                        wake()
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


async def wait_on_loop_until_settled(order_id: UUID, *, timeout: float) -> bool:
    """True as soon as the order is no longer `placed`; False after `timeout` seconds."""
    return await _settlement.wait_on_loop(order_id, timeout=timeout)
