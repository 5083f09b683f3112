"""
The reverse proxy: what belongs to a service elsewhere goes there, streamed back as it comes, or is refused at the door.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from nexus.contracts.errors import NexusError, NoAnswer, TooLate, Unavailable
from nexus.gateway.exceptions import HeadersTooLarge, PathNotCanonical, UrlTooLong
from nexus.gateway.headers import Headers, for_client, for_service
from nexus.gateway.routes import is_canonical
from nexus.gateway.upstream.call import Answer, Asked, Caller
from nexus.gateway.upstream.service import Service
from nexus.gateway.upstream.stale import LARGEST, Kept, StaleAnswers, may_be_kept
from nexus.telemetry import figures
from nexus.web.addresses import address_behind
from nexus.web.aliases import real_path
from nexus.web.deadlines import DEADLINE, seconds_left
from nexus.web.express.exchange import LONGEST_URL, Exchange, Reply
from nexus.web.express.head import LONGEST_HEADER, MOST_HEADERS
from nexus.web.express.lane import SECURITY, Send, refusal
from nexus.web.express.presence import Receive, while_there

TIMEOUT = 10.0
"""Seconds until the answer begins; a request may ask for less, not for more."""
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
MAY_BE_STALE = frozenset({500, 502, 503, 504})
READ_FROM = ("host", "x-forwarded-proto", "accept", "accept-encoding", "accept-language")
NOT_ASCII = re.compile(r"[\x80-\xff]")


@dataclass
class Proxy:
    """`timeouts` by the services' names, where one differs from the usual."""

    caller: Caller
    timeouts: Mapping[str, float] = field(default_factory=dict)
    stale: StaleAnswers = field(default_factory=StaleAnswers)

    async def answer(
        self, service: Service, exchange: Exchange, *, receive: Receive, send: Send, own: Headers
    ) -> Reply | None:
        """
        Pass the request on, and the answer back, with `own` among its headers; or the refusal, when nothing was sent.
        """
        relay = _Relay(self, service, exchange, send, own)
        return await while_there(receive, relay.run())


def at_fault(exchange: Exchange) -> Exception | None:
    """What of a request's size and path would be refused, whoever sends it and whoever it is for."""
    scope = exchange.scope
    headers = scope["headers"]
    if len(headers) > MOST_HEADERS or any(len(value) > LONGEST_HEADER for _, value in headers):
        return HeadersTooLarge()
    raw_path = scope.get("raw_path") or exchange.path.encode()
    if len(raw_path) + len(exchange.query) > LONGEST_URL:
        return UrlTooLong()
    if not is_canonical(raw_path.decode("latin-1")) or not is_canonical(exchange.path):
        return PathNotCanonical()
    return None


@dataclass
class _Relay:
    """One request on its way to a service, and its answer on the way back."""

    proxy: Proxy
    service: Service
    exchange: Exchange
    send: Send
    own: Headers
    began: bool = False
    asked: Asked | None = None

    async def run(self) -> Reply | None:
        """:raises NoAnswer: the answer broke off after it had begun; the connection must end, so that it shows"""
        try:
            asked = self.asked = self._asked()
            async with self.proxy.caller.asking(self.service, asked) as answer:
                if answer.status in MAY_BE_STALE and await self._send_stale(answer.status):
                    return None
                await self._pass_on(answer)
        except NexusError as why:
            if self.began:
                raise
            unanswered = isinstance(why, (Unavailable, NoAnswer, TooLate))
            return None if unanswered and await self._send_stale(0) else refusal(why, self.exchange)
        return None

    def _asked(self) -> Asked:
        exchange, scope = self.exchange, self.exchange.scope
        within = self.proxy.timeouts.get(self.service.name, TIMEOUT)
        left = seconds_left(exchange.headers.get(DEADLINE, ""))
        if left is not None and left <= 0:
            raise TooLate
        is_hasty = left is not None and left < within
        within = min(within, left) if left is not None else within
        raw_path = (scope.get("raw_path") or exchange.path.encode()).decode("latin-1")
        query = f"?{exchange.query.decode('latin-1')}" if exchange.query else ""
        target = NOT_ASCII.sub(lambda found: f"%{ord(found[0]):02X}", real_path(raw_path) + query)
        peer = scope["client"][0] if scope["client"] else ""
        own = [
            ("X-Request-ID", exchange.identity),
            ("X-Forwarded-For", address_behind(peer, forwarded=exchange.headers.get("x-forwarded-for", ""))),
            ("X-Forwarded-Proto", scope.get("scheme", "http")),
            ("X-Request-Deadline", f"{time.time() + within:.3f}"),
        ]
        return Asked(
            method=scope["method"],
            target=target,
            headers=for_service(scope["headers"], own=own),
            body=exchange.body,
            deadline=asyncio.get_running_loop().time() + within,
            is_hasty=is_hasty,
        )

    async def _pass_on(self, answer: Answer) -> None:
        headers = answer.headers
        kept: list[bytes] | None = [] if self._is_public() and may_be_kept(answer.status, headers) else None
        size = 0
        await self._begin(answer.status, for_client(headers))
        async with aclosing(answer.pieces()) as pieces:
            async for piece in pieces:
                size += len(piece)
                if kept is not None and size <= LARGEST:
                    kept.append(piece)
                else:
                    kept = None
                await self.send({"type": "http.response.body", "body": piece, "more_body": True})
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})
        if kept is not None:
            self.proxy.stale.keep(self._key(), headers=for_client(headers), body=b"".join(kept))

    async def _begin(self, status: int, headers: Headers) -> None:
        exchange = self.exchange
        present = {name for name, _ in headers}
        ours = [(b"x-request-id", exchange.identity.encode()), *self.own]
        ours += [(name, value) for name, value in SECURITY if name not in present]
        if "authorization" in exchange.headers and b"cache-control" not in present:
            ours.append((b"cache-control", b"no-store"))
        self.began = True
        await self.send({"type": "http.response.start", "status": status, "headers": [*headers, *ours]})

    def _is_public(self) -> bool:
        return self.exchange.scope["method"] == "GET" and self.exchange.is_anonymous

    def _key(self) -> tuple[bytes, ...]:
        """All that the service was told and may have read: what it says depends on nothing else (`may_be_kept`)."""
        assert self.asked is not None
        told = [
            ", ".join(value for name, value in self.asked.headers if name.lower() == wanted).encode()
            for wanted in READ_FROM
        ]
        return (self.asked.target.encode(), *told)

    async def _send_stale(self, status: int) -> bool:
        """Answer with what was said last, if the question is one that anybody may ask; whether it was."""
        # Who waited for less than it may take has learnt nothing of the service.
        in_haste = self.asked is None or (not status and self.asked.is_hasty)
        found = self.proxy.stale.find(self._key()) if self._is_public() and not in_haste else None
        if found is None:
            return False
        figures.stale.labels(self.service.name).inc()
        kept, age = found
        tag = dict(kept.headers).get(b"etag", b"").decode()
        fresh = bool(tag) and self.exchange.has(tag.removeprefix("W/"))
        await self._begin(304 if fresh else 200, _as_stale(kept, age=age, status=status, fresh=fresh))
        await self.send({"type": "http.response.body", "body": b"" if fresh else kept.body, "more_body": False})
        return True


def _as_stale(kept: Kept, *, age: int, status: int, fresh: bool) -> Headers:
    told = f"nexus; hit; ttl=-{age}" + (f"; fwd=stale; fwd-status={status}" if status else "; fwd=stale")
    without = {b"cache-control", b"age", b"content-length"} | ({b"content-type"} if fresh else set())
    headers = [(name, value) for name, value in kept.headers if name not in without]
    headers += [(b"age", str(age).encode()), (b"cache-status", told.encode()), (b"cache-control", b"no-cache")]
    return headers if fresh else [*headers, (b"content-length", str(len(kept.body)).encode())]
