"""Who watches. One sampler for all of them looks once a second, and only while there is somebody."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import msgspec

from nexus.contracts.errors import Unavailable
from nexus.gateway.map.snapshot import Snapshot

log = logging.getLogger("nexus.gateway.map")

MOST = 32
"""Who may watch at once, in one process."""
EVERY = 1.0
LINGER = 5.0
"""Seconds that the sampler goes on after the last has left, who may only be coming again."""
KEPT = 120
"""Samples that a newcomer is shown."""
DIGITS = 4
"""Significant digits of a figure: more would be noise, and twice the message."""


class TooManyWatch(Unavailable):
    """As many watch the map as may; close a page that nobody looks at."""

    code = "busy"
    retry_after = 10


class Looks(Protocol):
    """Takes snapshots, in a thread."""

    def take(self) -> Snapshot: ...

    def close(self) -> None: ...


class Watcher:
    """
    One client. It is handed the newest message when it asks; those that it was too slow for are lost, so that nothing
    gathers for it.
    """

    def __init__(self, first: bytes) -> None:
        self._first, self._newest, self._there = first, b"", asyncio.Event()

    def offer(self, message: bytes) -> None:
        """Instead of what it has not taken yet."""
        self._newest = message
        self._there.set()

    async def take(self, within: float) -> bytes:
        """The first message, then the newest, each once; nothing when there was none in that many seconds."""
        if self._first:
            first, self._first = self._first, b""
            return first
        try:
            async with asyncio.timeout(within):
                await self._there.wait()
        except TimeoutError:
            return b""
        self._there.clear()
        return self._newest


class Audience:
    """Everybody who watches in this process."""

    def __init__(self, looks: Callable[[], Looks], *, every: float = EVERY, linger: float = LINGER) -> None:
        self._looks, self._every, self._linger = looks, every, linger
        self._wanted_at = float("-inf")
        self._watchers: set[Watcher] = set()
        self._past: deque[Snapshot] = deque(maxlen=KEPT)
        self._sampling: asyncio.Task[None] | None = None

    def join(self, *, knows_past: bool = False) -> Watcher:
        """
        Watch from now on; the first message is the past, unless it is known.

        :raises TooManyWatch: there is no room
        """
        if len(self._watchers) >= MOST:
            raise TooManyWatch
        watcher = Watcher(b"" if knows_past else past_of(self._past))
        self._watchers.add(watcher)
        if self._sampling is None or self._sampling.done():
            self._sampling = asyncio.get_running_loop().create_task(self._sample())
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Watch no more; soon after the last one the looking ends."""
        self._watchers.discard(watcher)
        self._wanted_at = time.monotonic()

    @property
    def is_sampling(self) -> bool:
        """Whether somebody looks."""
        return self._sampling is not None and not self._sampling.done()

    async def _sample(self) -> None:
        loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1, thread_name_prefix="map")
        looks = await loop.run_in_executor(thread, self._looks)
        try:
            while self._watchers or time.monotonic() < self._wanted_at + self._linger:
                began = time.monotonic()
                self._show(await loop.run_in_executor(thread, _taken, looks))
                await asyncio.sleep(max(0.0, self._every - (time.monotonic() - began)))
        finally:
            self._past.clear()
            looks.close()
            thread.shutdown(wait=False)

    def _show(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            return
        self._past.append(snapshot)
        message = message_of(snapshot)
        for watcher in self._watchers:
            watcher.offer(message)


def _taken(looks: Looks) -> Snapshot | None:
    try:
        return looks.take()
    except Exception:
        # Whoever watches sees that nothing comes; the next look may succeed.
        log.exception("the map could not be looked at")
        return None


def message_of(snapshot: Snapshot) -> bytes:
    """A server-sent event with everything on the map."""
    seen = {
        name: {"state": each.state, "says": each.says, "figures": {key: _short(n) for key, n in each.figures.items()}}
        for name, each in snapshot.seen.items()
    }
    return _event("now", {"at": snapshot.at, "seen": seen})


def past_of(snapshots: Iterable[Snapshot]) -> bytes:
    """A server-sent event with the figures of some time, the oldest first."""
    lines: dict[str, dict[str, list[float | None]]] = {}
    taken = list(snapshots)
    for at, snapshot in enumerate(taken):
        for name, each in snapshot.seen.items():
            for key, number in each.figures.items():
                lines.setdefault(name, {}).setdefault(key, [None] * len(taken))[at] = _short(number)
    return _event("past", lines)


def _event(name: str, data: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.{DIGITS}g}")
