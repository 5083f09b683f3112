"""
A TCP proxy that misbehaves on command, to stand in front of a database or a broker.

It carries bytes both ways until told otherwise; what it is told holds for the connections there are and for those to
come, until it is told to heal.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

CHUNK = 65536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, kw_only=True)
class Toxic:
    """
    How the proxy misbehaves; without arguments it does not.

    `down` refuses and hangs up, `silent` accepts and never answers, `reset` answers with RST; `latency` delays what
    the server says by so many seconds, give or take `jitter`; `bandwidth` is in bytes per second, `slice_size` the
    largest piece that is passed on, `garbage` the share of the server's pieces that are replaced by noise.
    """

    down: bool = False
    silent: bool = False
    reset: bool = False
    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: int = 0
    slice_size: int = CHUNK
    garbage: float = 0.0


HEALTHY = Toxic()


@dataclass(eq=False)
class Link:
    """A client's connection, and ours to the server if there is one."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    mute: bool = False
    """Half open: the server's side is gone, and the client is not told."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class FaultProxy:
    """Listens on `port` for one server; the methods may be called from any thread."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        # Bound, not listening: the port stays ours while nobody is let in.
        self._holder = _bound(0)
        self.port: int = self._holder.getsockname()[1]
        self._toxic = HEALTHY
        self._changed = asyncio.Event()
        self._links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy of {port}", daemon=True)
        self._thread.start()
        self._call(self._listen())

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._links)

    def inflict(self, toxic: Toxic) -> None:
        """Misbehave like this from now on. Connections go on unless it is `down` or `reset`."""
        self._call(self._inflict(toxic))

    def heal(self) -> None:
        """Behave again: what was held back on silent connections goes on its way, half-open ones stay what they are."""
        self.inflict(HEALTHY)

    def cut(self, *, reset: bool = False) -> None:
        """Hang up on everybody; with `reset` by RST. New connections are welcome."""
        self._call(self._cut(reset=reset))

    def half_open(self, *, last_words: bytes = b"") -> None:
        """
        The server drops every connection there is, and no client is told; it hears these `last_words` and nothing
        more. New connections are welcome.
        """
        self._call(self._half_open(last_words))

    def close(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._holder.close()

    # -- in the loop

    def _call(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, sock=_bound(self.port), limit=CHUNK, backlog=512)

    async def _inflict(self, toxic: Toxic) -> None:
        self._toxic = toxic
        self._changed.set()
        self._changed = asyncio.Event()
        if toxic.down and self._server is not None:
            self._server.close()
            self._server = None
        if not toxic.down:
            await self._listen()
        if toxic.down or toxic.reset:
            await self._cut(reset=toxic.reset)

    async def _end(self) -> None:
        await self._inflict(Toxic(down=True))
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _cut(self, *, reset: bool) -> None:
        for link in list(self._links):
            self._hang_up(link, reset=reset)

    async def _half_open(self, last_words: bytes) -> None:
        for link in self._links:
            link.mute = True
            link.client.write(last_words)
            if link.server is not None:
                link.server.close()

    def _hang_up(self, link: Link, *, reset: bool) -> None:
        if reset:
            link.client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        for task in link.tasks:
            task.cancel()
        for writer in (link.client, link.server):
            if writer is not None:
                writer.close() if not reset else writer.transport.abort()
        self._links.discard(link)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        link = Link(client=client)
        self._links.add(link)
        if self._toxic.reset:
            self._hang_up(link, reset=True)
            return
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._while_silent()
            from_server, link.server = await asyncio.open_connection(*self._target, limit=CHUNK)
            listening = asyncio.create_task(self._carry(link, reader, link.server, harmless=True))
            speaking = asyncio.create_task(self._carry(link, from_server, client, harmless=False))
            link.tasks += [listening, speaking]
            await asyncio.wait([listening, speaking], return_when=asyncio.FIRST_COMPLETED)
            if link.mute:
                await listening
        self._hang_up(link, reset=False)

    async def _while_silent(self) -> None:
        while self._toxic.silent:
            await self._changed.wait()

    async def _carry(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, harmless: bool
    ) -> None:
        """Pass on what is read, each piece when its time has come; only what the server says suffers from the toxic."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        passing = asyncio.create_task(self._pass_on(link, pieces, writer, harmless=harmless))
        link.tasks.append(passing)
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                toxic = HEALTHY if harmless else self._toxic
                delay = max(0.0, random.uniform(toxic.latency - toxic.jitter, toxic.latency + toxic.jitter))
                for start in range(0, len(data), toxic.slice_size):
                    pieces.put_nowait((self._loop.time() + delay, data[start : start + toxic.slice_size]))
        pieces.put_nowait((self._loop.time(), b""))
        await passing

    async def _pass_on(
        self, link: Link, pieces: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, *, harmless: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._while_silent()
                if not piece or link.mute:
                    return
                toxic = HEALTHY if harmless else self._toxic
                if toxic.bandwidth:
                    await asyncio.sleep(len(piece) / toxic.bandwidth)
                writer.write(random.randbytes(len(piece)) if random.random() < toxic.garbage else piece)
                await writer.drain()


@contextmanager
def fault_proxy(host: str, port: int) -> Iterator[FaultProxy]:
    """A proxy that is gone afterwards."""
    proxy = FaultProxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound
