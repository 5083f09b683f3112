"""The processes that answer, and the one that starts them anew."""

import asyncio
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from functools import partial
from itertools import cycle
from multiprocessing.connection import wait
from multiprocessing.sharedctypes import RawArray
from typing import Any

from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.server import Server
from uvicorn.supervisors import multiprocess

from nexus.web.server.connection import Connection
from nexus.web.server.door import NOBODY, Door, Shares

log = logging.getLogger("nexus.web.server")

BACKLOG = 2048
GRACE = 5.0
"""Seconds after its requests' for a worker to end."""
LOOKS_EVERY = 10
"""Tenths of a second between two looks at what clients keep waiting."""
PAUSE = 1.0
"""Seconds before a worker that could not start is started again."""
PLACES = 256
"""Workers that there may be at once, those that are being replaced included."""


class SharingServer(Server):
    """Answers in one of several processes; ends when the process that started it is gone."""

    def __init__(self, config: Config, *, shares: Shares, most: int, parent: int) -> None:
        super().__init__(config)
        self._shares, self._most, self._parent = shares, most, parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        state = {"server_state": self.server_state, "app_state": self.lifespan.state}
        protocol = partial(Connection, config=self.config, **state)
        [listening] = sockets or []
        inside = self.server_state.connections
        door = Door(listening, protocol=protocol, inside=inside, most=self._most, shares=self._shares)
        self.server_state.left = door.look  # type: ignore[attr-defined]
        self.servers = [door]  # type: ignore[list-item]
        # Whoever opens this shop beside one that ends waits for the word (nexus.embedded.shapes.SERVES).
        sys.stderr.write(f"web worker {os.getpid()} answers requests\n")

    async def on_tick(self, counter: int) -> bool:
        if counter % LOOKS_EVERY == 0:
            now = asyncio.get_running_loop().time()
            for each in list(self.server_state.connections):
                each.look(now)  # type: ignore[union-attr]
        # Killed by force it could not say so: nobody would ever end this process, nor could another have the port.
        return await super().on_tick(counter) or os.getppid() != self._parent


class Worker(multiprocess.Process):
    """One process that answers. `again`: it takes the place of one that did, and may try more than once."""

    def __init__(
        self, config: Config, sockets: list[socket.socket], *, shares: Shares, most: int, again: bool = False
    ) -> None:
        self.shares, self._most, self.again, self._parent = shares, most, again, os.getpid()
        super().__init__(config, sockets)

    @property
    def server(self) -> Server:
        if self._server is None:
            self._server = SharingServer(self.config, shares=self.shares, most=self._most, parent=self._parent)
        return self._server

    def _healthcheck(self, timeout: float) -> bool | None:
        # One that ends without an answer must not be waited for: this process has the other end of the pipe open, too.
        try:
            self.parent_conn.send(b"ping")
            wait([self.parent_conn, self.process.sentinel], timeout)
            return bool(self.parent_conn.recv()) if self.parent_conn.poll() else None
        except (OSError, EOFError):
            return None

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """
        In the new process. What cannot be loaded at the beginning could not be the next time either: it ends all. Once
        the shop is open, whatever fails may pass.
        """
        try:
            self._load()
            super().target(sockets)
        except SystemExit as end:
            if end.code != STARTUP_FAILURE or not self.again:
                raise
            time.sleep(PAUSE)
            sys.exit(1)

    def _load(self) -> None:
        try:
            self.config.load()
        except (Exception, SystemExit):
            log.exception("%s cannot be loaded", self.config.app)
            sys.exit(STARTUP_FAILURE)


class Workers(multiprocess.Multiprocess):
    """Starts the workers of one port, and another for each that dies; SIGHUP renews one after the other."""

    def __init__(self, config: Config, *, most: int, patience: float) -> None:
        super().__init__(config, [listen(config.host, config.port)])
        self._most, self._patience = most, patience
        self._counts: MutableSequence[int] = RawArray("i", [NOBODY] * PLACES)
        self._places: Iterator[int] = cycle(range(PLACES))
        # By this name uvicorn makes all of them, those that take another's place too.
        multiprocess.Process = self.worker  # type: ignore[misc,assignment]

    def serve(self) -> int:
        """Until told to end; 1 when a worker could not even start."""
        self.run()
        return int(any(worker.exitcode == STARTUP_FAILURE for worker in self.processes))

    def terminate_all(self) -> None:
        # As long as one process has it open clients get in, and wait for nobody.
        for listening in self.sockets:
            listening.close()
        super().terminate_all()

    def join_all(self) -> None:
        until = time.monotonic() + self._patience + GRACE
        for worker in self.processes:
            worker.process.join(max(0.0, until - time.monotonic()))
            if worker.process.is_alive():
                log.error("web worker %d does not end, and is killed", worker.pid)
                worker.process.kill()
        super().join_all()

    def keep_subprocess_alive(self) -> None:
        for worker in self._replaced_by(super().keep_subprocess_alive):
            log.error("web worker %d is gone (%s), another takes its place", worker.pid, worker.exitcode)

    def restart_all(self) -> None:
        self._replaced_by(super().restart_all)

    def _replaced_by(self, do: Callable[[], None]) -> list[Any]:
        """Those that are not there any more afterwards; nobody waits for them."""
        before: Sequence[Any] = list(self.processes)
        do()
        replaced = [worker for worker in before if worker not in self.processes]
        for worker in replaced:
            worker.shares.leave()
        return replaced

    def worker(self, config: Config, sockets: list[socket.socket]) -> Worker:
        """One more, not started yet."""
        shares, again = Shares(self._counts, next(self._places)), len(self.processes) >= self.processes_num
        return Worker(config, sockets, shares=shares, most=self._most, again=again)


def listen(host: str, port: int) -> socket.socket:
    try:
        # A shop that is started anew opens the port before the one that ends has left it.
        return socket.create_server((host, port), backlog=BACKLOG, family=_family(host), reuse_port=True)
    except OSError as why:
        log.error("cannot listen on %s, port %d: %s", host, port, why)
        sys.exit(1)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
