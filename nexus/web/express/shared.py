"""
Public answers kept in Redis and shared by everyone who asks the same.

An answer carries the generation of the data it was made from, read before the data was. Whoever changes the data
begins a new generation, so that an answer is never outlived by a change, not even by one that committed while it was
being made. Changes that come in streams, such as stock levels, begin a new `pace`: an answer of an older pace is good
for another moment, so that a busy sale makes each page anew once a second and not for every order.

An answer lives for a minute at most: that bounds what is left of a change that Redis was away to hear of.

Each process keeps what it gave last in its own memory too, and knows from Redis which generation is the present one.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from secrets import token_hex

from django.conf import settings
from django.http.request import validate_host

from nexus.telemetry import figures
from nexus.telemetry.tallies import tally
from nexus.web.express.exchange import Exchange, Reply, Tagged
from nexus.web.express.known import known, watch
from nexus.web.express.pipe import RedisAway, redis
from nexus.web.express.ready import Standing
from nexus.web.generations import Generations

LIFETIME = 60
PACE = 1.0
"""Seconds for which an answer of an older pace is good."""
LARGEST = 256 * 1024
NEARBY = 32 * 1024 * 1024
"""Bytes of answers that a process keeps in its own memory."""
ENTRY = 2048
"""Bytes that an answer takes beside its body."""
Make = Callable[[], Awaitable[Reply | None]]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An answer as it lies in Redis."""

    generation: bytes
    pace: bytes
    made_at: float
    tag: str
    body: bytes

    @cached_property
    def state(self) -> Tagged:
        return Tagged(self.tag, self.body)

    @classmethod
    def read(cls, stored: bytes) -> "Kept | None":
        """None for what another version of this code has kept in another form."""
        head, _, body = stored.partition(b"\n")
        try:
            generation, pace, made_at, tag = head.split(b" ")
            return cls(generation=generation, pace=pace, made_at=float(made_at), tag=tag.decode("ascii"), body=body)
        except ValueError:
            return None

    def write(self) -> bytes:
        return b"%b %b %.3f %b\n%b" % (self.generation, self.pace, self.made_at, self.tag.encode(), self.body)

    def is_good(self, generation: bytes | None, pace: bytes) -> bool:
        return self.generation == generation and time.time() < self.until(pace)

    def until(self, pace: bytes) -> float:
        """When it ends, in seconds since 1970, if nothing changes."""
        return self.made_at + (LIFETIME if self.pace == pace else PACE)


class Nearby:
    """Answers in this process's memory; those not given for longest make room."""

    def __init__(self, size: int = NEARBY) -> None:
        self._left, self._kept = size, OrderedDict[bytes, Kept]()

    def find(self, key: bytes) -> Kept | None:
        if kept := self._kept.get(key):
            self._kept.move_to_end(key)
        return kept

    def keep(self, key: bytes, kept: Kept) -> None:
        self.drop(key)
        self._kept[key] = kept
        self._left -= len(kept.body) + ENTRY
        while self._left < 0:
            self.drop(next(iter(self._kept)))

    def drop(self, key: bytes) -> None:
        if kept := self._kept.pop(key, None):
            self._left += len(kept.body) + ENTRY


class SharedAnswers:
    """The answers about one kind of data."""

    def __init__(self, generations: Generations) -> None:
        self._generation, self._pace = generations.generation.encode(), generations.pace.encode()
        self._about = generations.about.encode()
        self._present = (b"MGET", self._generation, self._pace)
        watch(self._generation, self._pace)
        self._making: dict[bytes, asyncio.Future[Reply | None]] = {}
        self._nearby = Nearby()
        given = [figures.kept_answers.labels(generations.about, source) for source in ("nearby", "redis", "made")]
        self._nearby_given, self._redis_given, self._made = given

    async def answer(self, exchange: Exchange, *, make: Make) -> Reply | None:
        """The kept answer, or what `make` answers now, which is kept when it is a 200 with an ETag."""
        if (key := self._key_of(exchange)) is None:
            return None
        near = self._nearby.find(key)
        present = known().ask_through(redis(), self._present, about=self._present[1:])
        stored = None if near else redis().ask_together(b"GET", key)
        refusal = await exchange.admit()
        if refusal:
            return refusal
        try:
            generation, pace = await present
            found = await stored if stored else None
            kept = await self._of_now(key, near, found, generation, pace or b"-")
        except RedisAway:
            return None
        if kept:
            tally().count(self._nearby_given if kept is near else self._redis_given)
            return kept.state.for_(exchange)
        self._made.inc()
        reply = await self._make_once(key, generation, pace or b"-", make)
        if reply is None or not (tag := _tag(reply)):
            return None
        return Tagged(tag, reply.body).for_(exchange)

    def answer_early(self, exchange: Exchange) -> Standing | None:
        """The kept answer, where that is in this process's memory and known to be good."""
        present = known().find(self._present, turn=exchange.turn)
        if present is None or (key := self._key_of(exchange)) is None:
            return None
        near, (generation, pace) = self._nearby.find(key), present
        pace = pace or b"-"
        if near is None or not near.is_good(generation, pace) or not exchange.admit_early():
            return None
        return Standing(near.state.for_(exchange), self._present, present, near.until(pace), self._nearby_given)

    def _key_of(self, exchange: Exchange) -> bytes | None:
        """Where the answer is kept; None for a request whose answer is nobody else's."""
        host = exchange.head.text(b"host") or ""
        if not exchange.is_anonymous or not _is_ours(host):
            return None
        return _key(self._about, exchange.scope.get("scheme", "http"), host, exchange.path, exchange.query)

    async def _of_now(
        self, key: bytes, near: Kept | None, found: bytes | None, generation: bytes | None, pace: bytes
    ) -> Kept | None:
        """What is kept and still good: here, or in Redis, where another process may have put it meanwhile."""
        if near:
            if near.is_good(generation, pace):
                return near
            self._nearby.drop(key)
            found = await redis().ask(b"GET", key)
        far = Kept.read(found) if found else None
        if far is None or not far.is_good(generation, pace):
            return None
        self._nearby.keep(key, far)
        return far

    async def _make_once(self, key: bytes, generation: bytes | None, pace: bytes, make: Make) -> Reply | None:
        """However many ask the same at once, it is made once."""
        if (making := self._making.get(key)) is None:
            making = self._making[key] = asyncio.ensure_future(self._make(key, generation, pace, make))
            making.add_done_callback(lambda _: self._making.pop(key, None))
        return await asyncio.shield(making)

    async def _make(self, key: bytes, generation: bytes | None, pace: bytes, make: Make) -> Reply | None:
        if generation is None:
            generation = token_hex(8).encode()
            await redis().ask(b"SET", self._generation, generation, b"NX")
        reply = await make()
        if reply and (tag := _tag(reply)) and len(reply.body) <= LARGEST:
            kept = Kept(generation=generation, pace=pace, made_at=time.time(), tag=tag, body=reply.body)
            redis().ask(b"SET", key, kept.write(), b"EX", b"%d" % LIFETIME).add_done_callback(
                lambda done: done.cancelled() or done.exception()
            )
        return reply


def _tag(reply: Reply | None) -> str:
    """The ETag of a plain 200, which alone can be kept."""
    return dict(reply.headers).get("ETag", "") if reply and reply.status == 200 else ""


@lru_cache(maxsize=4096)
def _key(about: bytes, scheme: str, host: str, path: str, query: bytes) -> bytes:
    asked = f"{scheme} {host} {path}".encode() + b"?" + query
    return about + b":" + blake2b(asked, digest_size=16).hexdigest().encode()


@lru_cache(maxsize=1024)
def _is_ours(host: str) -> bool:
    """Links in an answer name the host that was asked for."""
    return validate_host(host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host, settings.ALLOWED_HOSTS)
