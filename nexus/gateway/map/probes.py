"""Many small questions at once, so that one that gets no answer keeps no other waiting."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import connections

T = TypeVar("T")
SILENCE = "no answer in time"
WITHIN = 0.8
"""Seconds that a round waits for its answers."""


@dataclass(frozen=True, kw_only=True)
class Finding(Generic[T]):
    """An answer; or none, and why not. `seconds` is how long it took, or has taken until now."""

    answer: T | None
    why: str
    seconds: float


class Probes(Generic[T]):
    """
    Asks each question in a thread of its own. One that is still open is not asked again: the next round says for how
    long it has waited.
    """

    def __init__(self, questions: Mapping[str, Callable[[], T]], *, within: float = WITHIN) -> None:
        self._questions, self._within = dict(questions), within
        self._threads = ThreadPoolExecutor(max(1, len(self._questions)), thread_name_prefix="map")
        self._open: dict[str, tuple[float, Future[tuple[T, float]]]] = {}

    def ask(self) -> dict[str, Finding[T]]:
        """Every answer that came in time."""
        for name, question in self._questions.items():
            if name not in self._open:
                self._open[name] = (time.monotonic(), self._threads.submit(_timed, question))
        wait([future for _, future in self._open.values()], timeout=self._within)
        return {name: self._finding(name) for name in self._questions}

    def _finding(self, name: str) -> Finding[T]:
        since, future = self._open[name]
        if not future.done():
            return Finding(answer=None, why=SILENCE, seconds=time.monotonic() - since)
        del self._open[name]
        if failure := future.exception():
            return Finding(answer=None, why=_said_by(failure), seconds=time.monotonic() - since)
        answer, took = future.result()
        return Finding(answer=answer, why="", seconds=took)

    def close(self) -> None:
        """Ask nothing more; what is open ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _timed(question: Callable[[], T]) -> tuple[T, float]:
    began = time.monotonic()
    try:
        return question(), time.monotonic() - began
    finally:
        # Between rounds the connections belong to requests.
        connections.close_all()


def _said_by(failure: BaseException) -> str:
    """What a driver says, without its explanations and without an end."""
    first = (str(failure).strip().splitlines() or [type(failure).__name__])[0]
    return first if len(first) <= 160 else f"{first[:159]}…"
