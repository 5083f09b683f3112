"""
What is known about a database server that does not answer, so that not every thread finds out for itself.

A web process has few threads. If each of them waited for a server in trouble, nothing else would be answered, neither
what needs no Postgres nor the probe that asks whether the process lives.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg import OperationalError

REST = 1.0
"""Seconds for which a server is left alone after it failed."""
TRIAL = 4.0
"""Seconds for which the others wait for what one who tries again finds out; longer than a pool keeps one waiting."""
MOST_LATE = 8
"""So many may wait for a late answer at once: half of the threads of a web process."""
OPEN = float("-inf")


class LeftAlone(OperationalError):
    """The server did not answer a moment ago; it is not asked now."""


class Door:
    """Stands before one database; all threads of the process go through it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._shut_until = OPEN
        self._silent = False
        self.silences = 0
        """How often the server fell silent."""
        self._late = 0

    @property
    def is_open(self) -> bool:
        return self._shut_until == OPEN

    def knock(self) -> None:
        """
        Ask to try the server; when it has rested, one may.

        :raises LeftAlone: it has not, or somebody is trying
        """
        with self._lock:
            if self._shut_until == OPEN:
                return
            if self._clock() < self._shut_until:
                raise LeftAlone("the database does not answer; it is left alone for a moment")
            self._shut_until = self._clock() + TRIAL

    def answered(self) -> None:
        """A new connection was made: everybody may come in."""
        self._shut_until = OPEN

    def failed(self) -> None:
        """A connection could not be made."""
        self._shut_until = self._clock() + REST

    def fell_silent(self) -> None:
        """A connection that stood got no answer: neither would the others."""
        with self._lock:
            self._silent = True
            self.silences += 1
            self._shut_until = self._clock() + REST

    def forget_silence(self) -> bool:
        """Whether it fell silent since this was asked last: the connections that stood then are worth nothing."""
        with self._lock:
            silent, self._silent = self._silent, False
        return silent

    @contextmanager
    def late(self) -> Iterator[None]:
        """
        Around waiting for an answer that is late.

        :raises LeftAlone: as many as may are waiting for one
        """
        with self._lock:
            if self._late >= MOST_LATE:
                raise LeftAlone("too many wait for the database")
            self._late += 1
        try:
            yield
        finally:
            with self._lock:
                self._late -= 1


doors: dict[str, Door] = defaultdict(Door)
"""By the name of the database."""
