"""The web process's ASGI application: the express lane in front, the ordinary way behind it."""

import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from contextlib import aclosing
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation

from nexus.contracts.correlation import caused_by
from nexus.contracts.errors import TooLate
from nexus.telemetry import figures, tracing
from nexus.telemetry.tallies import tally
from nexus.web import instruments
from nexus.web.express.early import QUEUE_FULL, Busy, CommonDoor, Early, EarlyDoor, Lines
from nexus.web.express.exchange import BEGUN, Exchange, Reply, encode
from nexus.web.express.ordinary import Ordinary, read_body, said_length
from nexus.web.express.presence import Receive, while_there
from nexus.web.express.ready import ReadyDoor
from nexus.web.express.routes import Handle, Route, RouteTable
from nexus.web.logs import Journal, Watched
from nexus.web.middleware import FOR_THE_API
from nexus.web.problems import CONTENT_TYPE, describe, headers_for, internal

log = logging.getLogger("nexus.web")

Door = Callable[[Exchange], Awaitable[Reply | None]]
"""Counts a request; the answer that refuses it, or None. The app that keeps the door gives it as ``DOOR``."""
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Forward = Callable[[Exchange, Receive, Send], Awaitable[Reply | None]]
"""Has a request answered elsewhere, body and all; or gives the refusal, when nothing was sent."""
COUNTED = "nexus.verdict"
"""Where the ordinary way finds that a request was counted already. No header can write there."""
SECURITY = [(name.lower().encode(), value.encode()) for name, value in FOR_THE_API.items()]
BROWSING = ("/api/v1/products", "/api/v1/categories", "/api/v1/product-types", "/api/schema", "/api/docs")
WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
PROBES = ("/livez", "/readyz", "/startupz")


def patience_with(method: str, path: str) -> float:
    """
    Up to which pressure a request is still taken on, of 1: who looks around is sent away first, then who reads what is
    theirs, and last who buys (*Site Reliability Engineering*, ch. 21, "Criticality").
    """
    if path.rstrip("/") in PROBES:
        # Whoever is asked whether they are well must not be taken for dead because they are busy.
        return math.inf
    if method not in ("GET", "HEAD") or path.startswith("/.well-known/"):
        return 1.0
    return 0.6 if path.startswith(BROWSING) else 0.8


async def _open(_: Exchange) -> Reply | None:
    return None


async def _open_for_all(exchanges: Sequence[Exchange]) -> Sequence[Reply | None]:
    return [None] * len(exchanges)


def _none(_: Exchange) -> bytes:
    return b""


class Lane:
    """
    Answers what `routes` know and sends everything else the ordinary way.

    `streams` are paths whose answers do not end by themselves: they are given on the event loop, where they hold no
    thread. `started` and `stopped` are called in the serving process, before the first request and after the last.
    """

    def __init__(
        self,
        *,
        routes: Iterable[Route],
        ordinary: Ordinary,
        door: Door = _open,
        early_door: EarlyDoor = lambda _: True,
        common_door: CommonDoor = _open_for_all,
        ready_door: ReadyDoor = lambda *_: b"",
        lines: Lines = _none,
        elsewhere: Callable[[str], Forward | None] | None = None,
        streams: Mapping[str, Forward] = MappingProxyType({}),
        journal: Journal | None = None,
        started: Callable[[], None] = lambda: None,
        stopped: Callable[[], None] = lambda: None,
    ) -> None:
        self._routes, self._ordinary, self._door, self._lines = RouteTable(routes), ordinary, door, lines
        self._elsewhere, self._streams, self._journal = elsewhere, streams, journal
        self._pressures = [route.pressure for route in self._routes]
        self._started, self._stopped = started, stopped
        self._under_way = 0
        early = Early(
            self._routes,
            door=early_door,
            common_door=common_door,
            ready_door=ready_door,
            lines=lines,
            journal=journal,
        )
        self.answer_early = None if elsewhere else early.answer
        self.take_over = None if elsewhere else early.take_over
        self._pools = instruments.Pools(ordinary=ordinary, under_way=lambda: self._under_way + early.taken)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._observed(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _observed(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        traced = instruments.Traced(scope) if tracing.is_on() else None
        scope = traced.scope if traced else scope
        began, watched = time.perf_counter(), Watched(send)
        self._under_way += 1
        try:
            await self._answer(scope, receive, watched)
        finally:
            took = time.perf_counter() - began
            self._under_way -= 1
            # A stream lasts as long as somebody watches: until it began is a measure of something.
            instruments.count(scope, status=watched.status, seconds=watched.began - began if watched.streams else took)
            if traced:
                traced.end(watched.status)
            if self._journal:
                self._journal.note(scope, status=watched.status, seconds=took, identity=watched.identity)

    async def _live(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._started()
                self._pools.begin()
                await send({"type": "lifespan.startup.complete"})
            else:
                self._stopped()
                tally().write()
                self._pools.end()
                if self._journal:
                    self._journal.flush()
                self._ordinary.shut_down()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        forward = self._streams.get(scope["path"]) or (self._elsewhere and self._elsewhere(scope["path"]))
        if forward:
            await self._hand_over(forward, scope, receive, send)
            return
        route, name = self._routes.find(scope["method"], scope["path"])
        if route is not None and route.room() <= 0:
            QUEUE_FULL.inc()
            await self._send(exchange := Exchange(scope, name="", body=b""), refusal(Busy(), exchange), send)
            return
        body = await read_body(scope, receive)
        if body is None:
            await self._refuse_broken(scope, send)
            return
        verdict: Any = None
        if route is not None:
            exchange = scope.pop(BEGUN, None) or Exchange(scope, name=name, body=body)
            if exchange.is_too_late:
                figures.shed.labels("too_late").inc()
                await self._send(exchange, refusal(TooLate(), exchange), send)
                return
            if self._suits(route, exchange) and (reply := await self._express(route.handle, exchange)):
                await self._give(route, exchange, reply, receive, send)
                return
            verdict = exchange.verdict
        if self._pressure() >= patience_with(scope["method"], scope["path"]):
            figures.shed.labels("pressure").inc()
            await self._send(exchange := Exchange(scope, name="", body=b""), refusal(Busy(), exchange), send)
            return
        await self._ordinary.answer(scope, body, send, **({COUNTED: verdict} if verdict else {}))

    def _suits(self, route: Route, exchange: Exchange) -> bool:
        if not route.streams:
            return exchange.is_plain
        # Who watches is sent away under pressure as they would be on the ordinary way.
        patience = patience_with(exchange.scope["method"], exchange.path)
        return exchange.is_orderly and self._pressure() < patience

    async def _give(self, route: Route, exchange: Exchange, reply: Reply, receive: Receive, send: Send) -> None:
        own = [("Vary", exchange.head.vary), ("Allow", route.allow)]
        await self._send(exchange, reply, send, *(own if reply.status != HTTPStatus.TOO_MANY_REQUESTS else ()))
        if reply.pieces:
            await while_there(receive, _tell(reply.pieces, send))

    def _pressure(self) -> float:
        return max((self._ordinary.pressure, *(pressure() for pressure in self._pressures)))

    async def _hand_over(self, forward: Forward, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        body = await read_body(scope, receive)
        if body is None:
            await self._refuse_broken(scope, send)
            return
        exchange = Exchange(scope, name="", body=body)
        if len(body) > settings.MAX_BODY or said_length(scope) > settings.MAX_BODY:
            reply: Reply | None = refusal(RequestDataTooBig(), exchange)
        else:
            reply = await self._forwarded(forward, exchange, receive, send)
        if reply is not None:
            await self._send(exchange, reply, send)

    async def _forwarded(self, forward: Forward, exchange: Exchange, receive: Any, send: Any) -> Reply | None:
        began = Watched(send)
        try:
            return await forward(exchange, receive, began)
        except Exception as failure:
            if began.status:
                # The connection has to break: an answer that ends early must not look whole.
                raise
            return refusal(failure, exchange)

    async def _refuse_broken(self, scope: Mapping[str, Any], send: Any) -> None:
        """The body is no body, or the client has left: a server cannot tell, and who has left hears nothing."""
        exchange = Exchange(scope, name="", body=b"")
        await self._send(exchange, refusal(SuspiciousOperation(), exchange), send)

    async def _express(self, handle: Handle, exchange: Exchange) -> Reply | None:
        exchange.door = self._door
        try:
            return await handle(exchange)
        except Exception as failure:  # noqa: BLE001  what is not foreseen is logged as it becomes a 500
            return refusal(failure, exchange)

    async def _send(self, exchange: Exchange, reply: Reply, send: Any, *more: tuple[str, str]) -> None:
        headers: list[tuple[bytes, bytes]] = []
        if reply.status not in WITHOUT_BODY:
            headers.append((b"content-type", reply.content_type.encode()))
            if not reply.pieces:
                headers.append((b"content-length", b"%d" % len(reply.body)))
        headers = self._with_ours(exchange, headers)
        for name, value in (*reply.headers, *more):
            headers.append((_wire_name(name), value.encode("latin-1")))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body, "more_body": reply.pieces is not None})

    def _with_ours(self, exchange: Exchange, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers, and those that every answer has."""
        ours = [(b"x-request-id", exchange.identity.encode()), *SECURITY, *headers]
        if "authorization" in exchange.headers:
            ours.append((b"cache-control", b"no-store"))
        ours += pairs_in(self._lines(exchange))
        return ours


async def _tell(pieces: AsyncGenerator[bytes, None], send: Send) -> None:
    async with aclosing(pieces):
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def pairs_in(lines: bytes) -> Iterable[tuple[bytes, bytes]]:
    """The lines of a head, name and value apart."""
    for line in lines.splitlines():
        name, _, value = line.partition(b": ")
        yield name, value


@lru_cache(maxsize=256)
def _wire_name(name: str) -> bytes:
    return name.lower().encode("latin-1")


def refusal(why: Exception, exchange: Exchange) -> Reply:
    """The problem document of a failure, as the ordinary way would answer it."""
    document = describe(why, path=exchange.path)
    if document is None:
        with caused_by(exchange.cause):
            log.error("%s %s", exchange.scope["method"], exchange.path, exc_info=why)
        document = internal(path=exchange.path)
    document["trace_id"] = exchange.identity
    headers = list(headers_for(why).items())
    return Reply(status=document["status"], body=encode(document), headers=headers, content_type=CONTENT_TYPE)
