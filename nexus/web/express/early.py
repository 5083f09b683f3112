"""
Answers without a task: those that wait for nothing, for a server that asks for them as soon as it has read a request's
head, and those that an app finds for many requests at once.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from prometheus_client import Histogram

from nexus.contracts.errors import NexusError, Unavailable
from nexus.telemetry import figures, tracing
from nexus.telemetry.tallies import tally
from nexus.web import instruments
from nexus.web.express.exchange import BEGUN, Exchange, Reply, encode, new_id
from nexus.web.express.head import Head, head_of
from nexus.web.express.ready import Asked, Ready, ReadyAnswers, ReadyDoor, Standing, asked_by
from nexus.web.express.routes import Found, Route, RouteTable, Together
from nexus.web.logs import Journal
from nexus.web.middleware import FOR_THE_API
from nexus.web.problems import CONTENT_TYPE, describe, headers_for, internal
from nexus.web.server import TURN

log = logging.getLogger("nexus.web")

Answer = tuple[int, bytes, bytes]
"""Status, the head's lines as they go out, and body."""
Lines = Callable[[Exchange], bytes]
"""What the keeper of the door adds to the head of an answer, as it goes out."""
LARGEST = 4096
"""Bytes of a body with which a request is taken over."""
PLACE_OF_ID = "<trace_id>"
QUEUE_FULL = figures.shed.labels("queue_full")
NO_STORE = ("Cache-Control", "no-store")
Answered = Callable[[Answer | None], None]
"""Hears the answer, or None of a request that is to be handled as any other."""
EarlyDoor = Callable[[Exchange], bool]
"""Counts a request if that waits for nothing; whether it did, and the request may pass."""
CommonDoor = Callable[[Sequence[Exchange]], Awaitable[Sequence[Reply | None]]]
"""Counts requests together; for each the answer that refuses it, or None."""


class Busy(Unavailable):
    """Too many requests wait already; come back in a second."""

    code = "busy"
    retry_after = 1


BUSY = Busy()


class Early:
    """
    What a lane would answer anyhow, to the letter, for requests that it has an answer to in memory and for those whose
    queue is full: no task, no body and no other turn of the event loop, so that a server answers several times as many.
    """

    def __init__(
        self,
        routes: RouteTable,
        *,
        door: EarlyDoor,
        common_door: CommonDoor,
        ready_door: ReadyDoor,
        lines: Lines,
        journal: Journal | None,
    ) -> None:
        self._routes, self._more, self._journal = routes, lines, journal
        self._door, self._common_door, self._ready_door = door, common_door, ready_door
        self._ready = ReadyAnswers()
        # A turn of the event loop reads hundreds of requests before the next begins the first of them: a place is kept
        # for each until then.
        self._let_in: Counter[tuple[str, str]] = Counter()
        self._durations: dict[tuple[str, str, int], Histogram] = {}
        self.taken = 0
        """How many requests have been taken over and are not answered yet."""

    def answer(self, scope: Mapping[str, Any]) -> Answer | None:
        """
        The answer, or None for all requests that need more than a look.

        :param scope: a request as in ASGI, its path without percents
        """
        if tracing.is_on():
            return None
        began, head = time.perf_counter(), head_of(scope)
        asked = asked_by(scope, head)
        if (
            asked
            and (ready := self._ready.find(asked, scope.get(TURN)))
            and (told := self._ready_door(head, ready.kind)) is not None
        ):
            return self._again(scope, head, ready, told, began)
        route, name = self._routes.find(scope["method"], scope["path"])
        if route is None:
            return None
        if route.early is None:
            return None if self._finds_room(route) else self._refusal(route, Exchange(scope, name=name, body=b""))
        exchange = Exchange(scope, name=name, body=b"")
        if head.waits or not exchange.is_plain:
            return None
        exchange.early_door = self._door
        standing = route.early(exchange)
        return standing and self._known(route, exchange, standing, asked, began)

    def _again(self, scope: Mapping[str, Any], head: Head, ready: Ready, told: bytes, began: float) -> Answer:
        reply, given = ready.standing.reply, ready.standing.given
        identity = head.given_id or new_id()
        if given:
            tally().count(given)
        seconds = time.perf_counter() - began
        tally().observe(ready.duration, seconds)
        if self._journal:
            self._journal.note(scope, status=reply.status, seconds=seconds, identity=identity)
        own = (ready.lines, b"x-request-id: ", identity.encode(), b"\r\n", told)
        return reply.status, b"".join(own), reply.body

    def _known(self, route: Route, exchange: Exchange, standing: Standing, asked: Asked | None, began: float) -> Answer:
        reply = standing.reply
        if (lines := reply.lines.get(exchange.head.has_token)) is None:
            own = [*_headers_of(reply), *reply.headers, *_of_route(route, exchange)]
            lines = reply.lines[exchange.head.has_token] = _lines_of(exchange, *own)
        if standing.given:
            tally().count(standing.given)
        duration = self._note(route, exchange, reply.status, time.perf_counter() - began)
        if asked:
            self._ready.keep(asked, Ready(standing, lines, duration, exchange.kind))
        return reply.status, self._with_own(exchange, lines), reply.body

    def take_over(self, scope: Mapping[str, Any], body: bytes, answered: Answered) -> bool:
        """
        Take over a request that its app will answer together with others.

        :return: whether it was taken over; then, and only then, `answered` will hear of it
        """
        if tracing.is_on():
            return False
        route, name = self._routes.find(scope["method"], scope["path"])
        if route is None:
            return False
        if route.together and len(body) <= LARGEST:
            exchange = Exchange(scope, name=name, body=body)
            if exchange.is_plain and not exchange.head.waits and self._takes(route.together, route, exchange, answered):
                return True
        if self._finds_room(route):
            return False
        answered(self._refusal(route, Exchange(scope, name=name, body=b"")))
        return True

    def _takes(self, together: Together, route: Route, exchange: Exchange, answered: Answered) -> bool:
        exchange.common_door = self._common_door
        began = time.perf_counter()

        def hear(found: Found) -> None:
            self.taken -= 1
            answer = None
            if found is not None:
                try:
                    answer = self._in_full(route, exchange, found, time.perf_counter() - began)
                except Exception:
                    log.exception("%s cannot be answered like the others", exchange.path)
            if answer is None:
                # It was counted at the door: what handles it now goes on with the same exchange.
                exchange.scope[BEGUN] = exchange
            answered(answer)

        if not together(exchange, hear):
            return False
        self.taken += 1
        return True

    def _in_full(self, route: Route, exchange: Exchange, found: Reply | NexusError, seconds: float) -> Answer:
        if isinstance(found, Reply):
            reply, own = found, [*_headers_of(found), *found.headers]
            if reply.status != HTTPStatus.TOO_MANY_REQUESTS:
                own += _of_route(route, exchange)
            status, lines, body = reply.status, _lines_of(exchange, *own), reply.body
        else:
            status, lines, body = _refusal(found, exchange, exchange.head.vary, route.allow)
        self._note(route, exchange, status, seconds)
        return status, self._with_own(exchange, lines), body

    def _finds_room(self, route: Route) -> bool:
        queue = route.method, route.path
        if route.room() <= self._let_in[queue]:
            return False
        if not self._let_in.total():
            asyncio.get_running_loop().call_soon(self._let_in.clear)
        self._let_in[queue] += 1
        return True

    def _refusal(self, route: Route, exchange: Exchange) -> Answer:
        tally().count(QUEUE_FULL)
        status, lines, body = _refusal(BUSY, exchange)
        self._note(route, exchange, status, 0.0)
        return status, self._with_own(exchange, lines), body

    def _note(self, route: Route, exchange: Exchange, status: int, seconds: float) -> Histogram:
        # A route's requests are counted under one name.
        name = route.method, route.path, status
        if (duration := self._durations.get(name)) is None:
            duration = self._durations[name] = instruments.duration_of(exchange.scope, status)
        tally().observe(duration, seconds)
        if self._journal:
            self._journal.note(exchange.scope, status=status, seconds=seconds, identity=exchange.identity)
        return duration

    def _with_own(self, exchange: Exchange, lines: bytes) -> bytes:
        """The lines, and those that are this request's alone."""
        return b"".join((lines, b"x-request-id: ", exchange.identity.encode(), b"\r\n", self._more(exchange)))


def _headers_of(reply: Reply) -> tuple[tuple[str, str], ...]:
    """Of an answer's body, where it has one."""
    if reply.status == HTTPStatus.NOT_MODIFIED:
        return ()
    return ("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body)))


def _lines_of(exchange: Exchange, *headers: tuple[str, str]) -> bytes:
    return _lines(*headers, NO_STORE) if exchange.head.has_token else _lines(*headers)


@lru_cache(maxsize=256)
def _lines(*headers: tuple[str, str]) -> bytes:
    """These headers, and those that every answer of the API has."""
    lines = [f"{name.lower()}: {value}" for name, value in (*FOR_THE_API.items(), *headers)]
    if any(sign in line for line in lines for sign in "\r\n\0"):
        raise ValueError("a header that would end its line")
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def _of_route(route: Route, exchange: Exchange) -> tuple[tuple[str, str], ...]:
    return ("Vary", exchange.head.vary), ("Allow", route.allow)


def _refusal(why: NexusError, exchange: Exchange, vary: str = "", allow: str = "") -> Answer:
    """The problem as each hears it; what they share is put together once."""
    identity = exchange.identity
    status, lines, before, after = _problem(why, exchange.path, exchange.head.has_token, len(identity), vary, allow)
    return status, lines, b"".join((before, identity.encode(), after))


@lru_cache(maxsize=64)
def _problem(
    why: NexusError, path: str, has_token: bool, id_length: int, vary: str, allow: str
) -> tuple[int, bytes, bytes, bytes]:
    """Status, lines, and the document before and after the request's identity."""
    document = describe(why, path=path) or internal(path=path)
    before, _, after = encode(document | {"trace_id": PLACE_OF_ID}).partition(PLACE_OF_ID.encode())
    length = str(len(before) + id_length + len(after))
    own = [("Content-Type", CONTENT_TYPE), ("Content-Length", length), *headers_for(why).items()]
    own += [(name, value) for name, value in (("Vary", vary), ("Allow", allow)) if value]
    if has_token:
        own.append(NO_STORE)
    return document["status"], _lines(*own), before, after
