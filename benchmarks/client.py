"""
The load: keep-alive connections driven by epoll, requests encoded beforehand, answers read no further than needed.

Closed loop: each connection sends its next request when the last is answered. Open loop: requests are due by a
schedule, and latency counts from when a request was due, so that a slow shop cannot slow its own questions.
"""

import select
import socket
import time
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.answers import Answers

SILENT = 0
"""The status of a request that was never answered."""
UNSENT = 1
"""The status of a request for which no connection became free."""
CAPACITY = 1_000_000


@dataclass
class Journal:
    """One row for each request: when it began (seconds on the monotonic clock), how long it took, what came."""

    count: int = 0
    began: "array[float]" = field(default_factory=lambda: array("d", bytes(8 * CAPACITY)))
    took: "array[float]" = field(default_factory=lambda: array("d", bytes(8 * CAPACITY)))
    status: "array[int]" = field(default_factory=lambda: array("H", bytes(2 * CAPACITY)))
    retry_after: "array[int]" = field(default_factory=lambda: array("B", bytes(CAPACITY)))

    def add(self, began: float, took: float, status: int, retry_after: bool) -> None:
        at = self.count
        self.began[at], self.took[at], self.status[at], self.retry_after[at] = began, took, status, retry_after
        self.count = at + 1


def due_at(number: int, *, rate: float) -> float:
    """When the request of that number is due, in seconds from the beginning."""
    return number / rate


class Client:
    """`connections` sockets to one port of this machine; requests come from an iterator and may run out."""

    def __init__(self, *, port: int, connections: int, requests: Iterator[bytes]) -> None:
        self.journal = Journal()
        self._port, self._requests = port, requests
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._answers: dict[int, Answers] = {}
        self._began: dict[int, float] = {}
        # First in, first out: where a server serves only some of its connections, all get their turn.
        self._free = deque(self._connect() for _ in range(connections))

    def closed(self, *, seconds: float, grace: float) -> float:
        """Keep every connection busy; the moment on the monotonic clock when that began."""
        start = time.monotonic()
        end = start + seconds
        self._exhausted = False
        while self._free and not self._exhausted:
            self._send(self._free.popleft(), time.monotonic())
        while self._began and (now := time.monotonic()) < end + grace:
            self._wait(0.1)
            if now >= end or self._exhausted:
                self._let_go()
            while self._free and not self._exhausted:
                self._send(self._free.popleft(), time.monotonic())
        self._give_up()
        return start

    def open(self, *, seconds: float, rate: float, grace: float) -> float:
        """Send at a fixed rate; what finds no free connection waits here, and the wait counts."""
        start = time.monotonic()
        sent, total = 0, int(seconds * rate)
        self._exhausted = False
        while (sent < total or self._began) and time.monotonic() < start + seconds + grace:
            now = time.monotonic()
            while self._free and sent < total and start + due_at(sent, rate=rate) <= now:
                self._send(self._free.popleft(), start + due_at(sent, rate=rate))
                sent += 1
            idle = start + due_at(sent, rate=rate) - time.monotonic() if self._free and sent < total else 0.1
            self._wait(max(0.0, idle))
        for number in range(sent, total):
            due = start + due_at(number, rate=rate)
            self.journal.add(due, time.monotonic() - due, UNSENT, False)
        self._give_up()
        return start

    def _send(self, number: int, began: float) -> None:
        request = next(self._requests, None)
        if request is None:
            self._exhausted = True
            self._free.append(number)
            return
        self._began[number] = began
        try:
            self._sockets[number].sendall(request)
        except OSError:
            self._lose(number)

    def _wait(self, timeout: float) -> None:
        sockets, answers, free = self._sockets, self._answers, self._free
        for number, _ in self._poll.poll(timeout):
            try:
                received = sockets[number].recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                received = b""
            if not received:
                self._lose(number)
            elif answer := answers[number].feed(received):
                began = self._began.pop(number)
                self.journal.add(began, time.monotonic() - began, answer.status, answer.retry_after)
                free.append(number)

    def _lose(self, number: int) -> None:
        """The other side closed: what it owed is never answered, and another connection takes the place."""
        if began := self._began.pop(number, 0.0):
            self.journal.add(began, time.monotonic() - began, SILENT, False)
        elif number in self._free:
            self._free.remove(number)
        self._poll.unregister(number)
        self._sockets.pop(number).close()
        self._free.append(self._connect())

    def _let_go(self) -> None:
        """Close what is free: a server that keeps to so many connections turns to those that wait."""
        while self._free:
            number = self._free.popleft()
            self._poll.unregister(number)
            self._sockets.pop(number).close()

    def _give_up(self) -> None:
        for began in self._began.values():
            self.journal.add(began, time.monotonic() - began, SILENT, False)

    def _connect(self) -> int:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(None)
        number = connection.fileno()
        self._sockets[number], self._answers[number] = connection, Answers()
        self._poll.register(number, select.EPOLLIN)
        return number
