"""The port that several processes share."""

import asyncio
import logging
import socket
from collections.abc import Callable, Collection, MutableSequence
from contextlib import suppress

log = logging.getLogger("nexus.web.server")

REST = 0.1
"""Seconds without taking anybody in after the system had no room for another connection."""
AFTER_YOU = 0.001
"""Seconds for which a process with more connections than another lets that one go first."""
AT_ONCE = 16
"""Connections taken in one turn of the event loop: hundreds may come in the same moment, and a turn may be long."""
NOBODY = -1


class Shares:
    """How many connections each process has, in memory that all of them see; `mine` is this one's place."""

    def __init__(self, counts: MutableSequence[int], mine: int) -> None:
        self._counts, self._mine = counts, mine

    def tell(self, count: int) -> None:
        """This process has so many."""
        self._counts[self._mine] = count

    def leave(self) -> None:
        """This process takes none any more."""
        self._counts[self._mine] = NOBODY

    def is_ahead(self) -> bool:
        """Whether another has fewer, by more than an eighth."""
        least = min(count for count in self._counts if count != NOBODY)
        return self._counts[self._mine] > least + least // 8


class Guest(asyncio.Protocol):
    """A connection's protocol, which can be told that the server ends."""

    def shutdown(self) -> None:
        """Answer what is under way, and nothing more."""


class Door:
    """
    Takes connections off a listening socket, fairly: whoever has fewer first, and none while `inside` holds `most`.

    An event loop by itself takes all that wait at once. Of several processes at the same socket the first to wake,
    which is mostly the same one, would have every connection, and the others none.
    """

    def __init__(
        self,
        listening: socket.socket,
        *,
        protocol: Callable[[], Guest],
        inside: Collection[object],
        most: int,
        shares: Shares,
    ) -> None:
        self._socket, self._protocol, self._inside, self._most = listening, protocol, inside, most
        self._shares = shares
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[None]] = set()
        self._waiting: asyncio.TimerHandle | None = None
        self._is_open = self._is_closed = False
        listening.setblocking(False)
        self.look()

    def look(self) -> None:
        """Say how many are inside, and open or shut accordingly; to be called whenever one has left."""
        if self._is_closed:
            return
        count = len(self._inside) + len(self._entering)
        self._shares.tell(count)
        if count >= self._most:
            self._shut()
        elif not self._is_open and self._waiting is None:
            self._is_open = True
            self._loop.add_reader(self._socket, self._knocked)

    def close(self) -> None:
        """Take nobody in any more."""
        self._is_closed = True
        self._shares.leave()
        self._shut()
        if self._waiting:
            self._waiting.cancel()

    async def wait_closed(self) -> None:
        """Until those are inside that were on the threshold."""
        while self._entering:
            await asyncio.wait(self._entering)

    def _shut(self) -> None:
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._socket)

    def _knocked(self) -> None:
        for _ in range(AT_ONCE):
            if self._shares.is_ahead():
                # Should nobody else come, for the other may be busy or hang, this process takes it all the same.
                self._pause(AFTER_YOU, self._take_one)
            if not self._is_open or not self._take_one():
                return

    def _pause(self, seconds: float, then: Callable[[], object]) -> None:
        def over() -> None:
            self._waiting = None
            then()
            self.look()

        self._shut()
        self._waiting = self._loop.call_later(seconds, over)

    def _take_one(self) -> bool:
        """Whether there was one."""
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False  # Another process was quicker, or the client has changed its mind.
        except OSError as why:
            log.error("no connection can be taken in: %s", why)
            self._pause(REST, lambda: None)
            return False
        connection.setblocking(False)
        entering = self._loop.create_task(self._let_in(connection))
        self._entering.add(entering)
        entering.add_done_callback(self._entered)
        self.look()
        return True

    async def _let_in(self, connection: socket.socket) -> None:
        with suppress(OSError):
            _, guest = await self._loop.connect_accepted_socket(self._protocol, connection)
            if self._is_closed:
                # Those inside have been told before this one was.
                guest.shutdown()

    def _entered(self, entering: asyncio.Task[None]) -> None:
        self._entering.discard(entering)
        self.look()
