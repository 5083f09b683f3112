"""Counts and holds that end by themselves: in Redis for all processes together, or in this one alone."""

import threading
from collections.abc import Sequence
from math import ceil
from time import monotonic
from typing import Any, Protocol

from django_redis import get_redis_connection


class Counters(Protocol):
    """A name has a count and, apart from it, may be held for some time."""

    def remaining(self, names: Sequence[str]) -> list[int]:
        """For how many more seconds each name is held, 0 if it is not."""
        ...

    def hold(self, name: str, seconds: int, *, only_if_free: bool = False) -> bool:
        """Hold the name; False when it was to be free and is not."""
        ...

    def increment(self, name: str, seconds: int) -> int:
        """The count with this one, forgotten `seconds` after the last."""
        ...

    def forget(self, name: str) -> None:
        """Start again at nothing."""
        ...


class RedisCounters:
    """:raises redis.exceptions.RedisError: Redis is away"""

    def remaining(self, names: Sequence[str]) -> list[int]:
        pipe = get_redis_connection("default").pipeline(transaction=False)
        for name in names:
            pipe.pttl(f"{name}:held")
        return [ceil(max(milliseconds, 0) / 1000) for milliseconds in pipe.execute()]

    def hold(self, name: str, seconds: int, *, only_if_free: bool = False) -> bool:
        return bool(get_redis_connection("default").set(f"{name}:held", 1, ex=seconds, nx=only_if_free))

    def increment(self, name: str, seconds: int) -> int:
        pipe = get_redis_connection("default").pipeline(transaction=True)
        pipe.incr(f"{name}:count").expire(f"{name}:count", seconds)
        count: int = pipe.execute()[0]
        return count

    def forget(self, name: str) -> None:
        get_redis_connection("default").delete(f"{name}:count", f"{name}:held")


class MemoryCounters:
    """The same within one process; the oldest entries give way when there are too many."""

    capacity = 20_000

    def __init__(self) -> None:
        self._entries: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def remaining(self, names: Sequence[str]) -> list[int]:
        with self._lock:
            return [ceil(self._get(f"{name}:held")[0]) for name in names]

    def hold(self, name: str, seconds: int, *, only_if_free: bool = False) -> bool:
        with self._lock:
            if only_if_free and self._get(f"{name}:held")[0]:
                return False
            self._put(f"{name}:held", seconds, 1)
            return True

    def increment(self, name: str, seconds: int) -> int:
        with self._lock:
            count = self._get(f"{name}:count")[1] + 1
            self._put(f"{name}:count", seconds, count)
            return count

    def forget(self, name: str) -> None:
        with self._lock:
            self._entries.pop(f"{name}:count", None)
            self._entries.pop(f"{name}:held", None)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def _get(self, key: str) -> tuple[float, int]:
        until, value = self._entries.get(key, (0.0, 0))
        left = until - monotonic()
        return (left, value) if left > 0 else (0.0, 0)

    def _put(self, key: str, seconds: int, value: Any) -> None:
        self._entries.pop(key, None)
        while len(self._entries) >= self.capacity:
            self._entries.pop(next(iter(self._entries)))
        self._entries[key] = monotonic() + seconds, value
