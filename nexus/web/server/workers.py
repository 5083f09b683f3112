"""The processes that answer, and the one that starts them anew."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Iterator, MutableSequence, Sequence
from functools import partial
from itertools import cycle
from multiprocessing.sharedctypes import RawArray
from typing import Any

from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.server import Server
from uvicorn.supervisors import multiprocess

from nexus.web.server.connection import Connection
from nexus.web.server.door import NOBODY, Door, Shares

log = logging.getLogger("nexus.web.server")

BACKLOG = 2048
LOOKS_EVERY = 10
"""Tenths of a second between two looks at what clients keep waiting."""
PLACES = 256
"""Workers that there may be at once, those that are being replaced included."""


class SharingServer(Server):
    """Answers in one of several processes; ends when the process that started it is gone."""

    def __init__(self, config: Config, *, shares: Shares, most: int) -> None:
        super().__init__(config)
        self._shares, self._most, self._parent = shares, most, os.getppid()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        state = {"server_state": self.server_state, "app_state": self.lifespan.state}
        protocol = partial(Connection, config=self.config, **state)
        [listening] = sockets or []
        inside = self.server_state.connections
        door = Door(listening, protocol=protocol, inside=inside, most=self._most, shares=self._shares)
        self.server_state.left = door.look  # type: ignore[attr-defined]
        self.servers = [door]  # type: ignore[list-item]

    async def on_tick(self, counter: int) -> bool:
        if counter % LOOKS_EVERY == 0:
            now = asyncio.get_running_loop().time()
            for each in list(self.server_state.connections):
                each.look(now)  # type: ignore[union-attr]
        # Killed by force it could not say so: nobody would ever end this process, nor could another have the port.
        return await super().on_tick(counter) or os.getppid() != self._parent


class Worker(multiprocess.Process):
    """One process that answers."""

    def __init__(self, config: Config, sockets: list[socket.socket], *, shares: Shares, most: int) -> None:
        self.shares, self._most = shares, most
        super().__init__(config, sockets)

    @property
    def server(self) -> Server:
        if self._server is None:
            self._server = SharingServer(self.config, shares=self.shares, most=self._most)
        return self._server

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """In the new process. What cannot be loaded now could not be the next time either: it ends all."""
        try:
            self.config.load()
        except (Exception, SystemExit):
            log.exception("%s cannot be loaded", self.config.app)
            sys.exit(STARTUP_FAILURE)
        super().target(sockets)


class Workers(multiprocess.Multiprocess):
    """Starts the workers of one port, and another for each that dies; SIGHUP renews one after the other."""

    def __init__(self, config: Config, *, most: int) -> None:
        super().__init__(config, [listen(config.host, config.port)])
        self._most = most
        self._counts: MutableSequence[int] = RawArray("i", [NOBODY] * PLACES)
        self._places: Iterator[int] = cycle(range(PLACES))
        # By this name uvicorn makes all of them, those that take another's place too.
        multiprocess.Process = self._worker  # type: ignore[misc,assignment]

    def serve(self) -> int:
        """Until told to end; 1 when a worker could not even start."""
        self.run()
        return int(any(worker.exitcode == STARTUP_FAILURE for worker in self.processes))

    def terminate_all(self) -> None:
        # As long as one process has it open clients get in, and wait for nobody.
        for listening in self.sockets:
            listening.close()
        super().terminate_all()

    def keep_subprocess_alive(self) -> None:
        before: Sequence[Any] = list(self.processes)
        super().keep_subprocess_alive()
        for worker in before:
            if worker not in self.processes:
                worker.shares.leave()
                log.error("web worker %d is gone (%s), another takes its place", worker.pid, worker.exitcode)

    def _worker(self, config: Config, sockets: list[socket.socket]) -> Worker:
        return Worker(config, sockets, shares=Shares(self._counts, next(self._places)), most=self._most)


def listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=BACKLOG, family=_family(host))
    except OSError as why:
        log.error("cannot listen on %s, port %d: %s", host, port, why)
        sys.exit(1)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
