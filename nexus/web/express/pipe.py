"""
Redis on the event loop: one connection, on which all that is asked in the same turn of the loop goes out as one write.

So many requests share a system call, and one that asks two things still waits for one round trip.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Sequence
from functools import cache
from hashlib import sha1
from typing import Any

import hiredis
from django.conf import settings
from redis.connection import parse_url
from redis.exceptions import ConnectionError as RedisConnectionError

PATIENCE = 0.3
"""Seconds for an answer, or for a connection."""
REST = 1.0
"""Seconds without asking again after a failure: a Redis that hangs must not slow every request."""


class RedisAway(RedisConnectionError):
    """Redis does not answer, or did not a moment ago."""


class Together(asyncio.Future[Any]):
    """An answer that several wait for: who gives up waiting does not take it from the others."""

    def cancel(self, msg: Any = None) -> bool:
        return False


class Pipe(asyncio.Protocol):
    """Connects when first asked; after a failure rests, then connects anew."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._transport: asyncio.WriteTransport | None = None
        self._reader = hiredis.Reader()
        self._asked: deque[asyncio.Future[Any]] = deque()
        self._unsent: list[bytes] = []
        self._together: dict[tuple[bytes, ...], Together] = {}
        self._connecting: asyncio.Task[None] | None = None
        self._resting_until = float("-inf")
        self._watch: asyncio.TimerHandle | None = None

    @property
    def is_away(self) -> bool:
        return time.monotonic() < self._resting_until

    def ask(self, *words: bytes) -> "asyncio.Future[Any]":
        """
        Send a command with the next write; the future is its answer.

        :raises RedisAway: from the future
        """
        return self._ask(asyncio.get_running_loop().create_future(), words)

    def ask_together(self, *words: bytes) -> "asyncio.Future[Any]":
        """
        The same for a question that changes nothing: whoever asks it before it has been sent shares the answer, which
        is therefore never older than the question.
        """
        if (answer := self._together.get(words)) is None:
            answer = self._together[words] = Together()
            # Whoever is refused meanwhile waits for it no more.
            answer.add_done_callback(Together.exception)
            self._ask(answer, words)
        return answer

    def _ask(self, answer: "asyncio.Future[Any]", words: tuple[bytes, ...]) -> "asyncio.Future[Any]":
        if self.is_away:
            answer.set_exception(RedisAway("left alone for a moment"))
            self._together.clear()
            return answer
        loop = asyncio.get_running_loop()
        if not self._unsent:
            loop.call_soon(self._flush)
        self._unsent.append(hiredis.pack_command(words))  # type: ignore[arg-type]  # the stub knows one word only
        self._asked.append(answer)
        if self._watch is None:
            self._watch = loop.call_later(PATIENCE, self._look, answer)
        return answer

    # -- asyncio.Protocol

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (said := self._reader.gets()) is not False:
                if isinstance(said, hiredis.PushNotification):
                    self._told(said)
                    continue
                answer = self._asked.popleft()
                if not answer.done():
                    answer.set_exception(said) if isinstance(said, Exception) else answer.set_result(said)
        except (hiredis.ProtocolError, IndexError) as nonsense:
            self._fail(f"it says what no Redis says: {nonsense}")

    def connection_lost(self, why: Exception | None) -> None:
        self._fail(f"the connection is gone: {why}")

    # -- inner workings

    def _told(self, news: hiredis.PushNotification) -> None:
        """What Redis says without being asked, which it does only if it was asked to."""

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()
            self._together.clear()
        elif self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        place: dict[str, Any] = parse_url(self._url)  # type: ignore[no-untyped-call]
        secure = ssl.create_default_context() if self._url.startswith("rediss:") else None
        greeting = _greeting(place)
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.get_running_loop().create_connection(
                    lambda: self, place.get("host", "localhost"), place.get("port", 6379), ssl=secure
                )
        except OSError as why:
            self._fail(str(why) or type(why).__name__)
            return
        finally:
            self._connecting = None
        for words in reversed(greeting):
            answer = asyncio.get_running_loop().create_future()
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._asked.appendleft(answer)
            self._unsent.insert(0, hiredis.pack_command(words))  # type: ignore[arg-type]  # the stub knows one word only
        self._flush()

    def _look(self, answer: "asyncio.Future[Any]") -> None:
        """Whether what was asked first has been answered by now; then keep an eye on what is the first now."""
        self._watch = None
        if not answer.done():
            self._fail(f"no answer within {PATIENCE} s")
        elif self._asked:
            self._watch = asyncio.get_running_loop().call_later(PATIENCE, self._look, self._asked[0])

    def _fail(self, why: str) -> None:
        transport, self._transport = self._transport, None
        asked, self._asked = self._asked, deque()
        self._unsent.clear()
        self._together.clear()
        self._reader = hiredis.Reader()
        if asked or transport is None:
            self._resting_until = time.monotonic() + REST
        if transport is not None:
            transport.abort()
        for answer in asked:
            if not answer.done():
                answer.set_exception(RedisAway(why))


def _greeting(place: Any) -> list[tuple[bytes, ...]]:
    words: list[tuple[bytes, ...]] = []
    if password := place.get("password"):
        words.append((b"AUTH", *(each.encode() for each in (place.get("username"), password) if each)))
    if number := place.get("db"):
        words.append((b"SELECT", str(number).encode()))
    return words


class Script:
    """A Lua script by its digest; a Redis that has never seen it, or has forgotten it, is shown it again."""

    def __init__(self, source: str) -> None:
        self._source = source.encode()
        self._digest = sha1(self._source, usedforsecurity=False).hexdigest().encode()

    async def __call__(self, pipe: Pipe, keys: Sequence[bytes], *arguments: bytes) -> Any:
        words = self.words(keys, *arguments)
        try:
            return await pipe.ask(*words)
        except hiredis.ReplyError as unknown:
            if not str(unknown).startswith("NOSCRIPT"):
                raise
        return await pipe.ask(b"EVAL", self._source, *words[2:])

    def words(self, keys: Sequence[bytes], *arguments: bytes) -> tuple[bytes, ...]:
        """The command, for a Redis that knows the script."""
        return b"EVALSHA", self._digest, b"%d" % len(keys), *keys, *arguments


@cache
def redis() -> Pipe:
    """This process's pipe to the configured Redis."""
    return Pipe(settings.REDIS_URL)
