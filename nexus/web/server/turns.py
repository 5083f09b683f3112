"""
What all connections of a process receive in one turn of the event loop, read one after the other when all of it is
there.

So one look at what others say serves all of them (`nexus.web.express.known`), and no request is read between two calls
of the system: together a tenth more hot answers a second (docs/performance.md).
"""

import asyncio
import logging
from typing import Any, Protocol

log = logging.getLogger("nexus.web.server")


class Turn:
    """One of them. While it is on, whatever a request in it was told by others was told before it began."""

    __slots__ = ("is_on",)

    def __init__(self) -> None:
        self.is_on = True


class Reader(Protocol):
    """A connection, to be given what came."""

    def read(self, data: bytes, turn: Turn) -> None: ...

    def give_up(self) -> None: ...


class Turns:
    """Everything is to be called on one event loop."""

    def __init__(self) -> None:
        self._came: list[tuple[Reader, bytes]] = []

    def add(self, reader: Reader, data: bytes) -> None:
        """To be read soon, in the order in which it came."""
        if not self._came:
            asyncio.get_running_loop().call_soon(self.read)
        self._came.append((reader, data))

    def read(self) -> None:
        """Read what is there, now."""
        if not self._came:
            return
        came, self._came = self._came, []
        turn = Turn()
        for reader, data in came:
            try:
                reader.read(data, turn)
            except Exception:
                # The others are waiting.
                log.exception("a connection cannot be read")
                reader.give_up()
        turn.is_on = False


def turns_of(server_state: Any) -> Turns:
    """Those that all connections of a server share."""
    found: Turns | None = getattr(server_state, "turns", None)
    if found is None:
        found = server_state.turns = Turns()
    return found
