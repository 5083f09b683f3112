"""
Pages of other origins (https://fetch.spec.whatwg.org/#http-cors-protocol): those that the setting names may call the
API, and nobody else. Never with cookies; a token in a header is what the API wants.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

Answer = tuple[int, bytes, bytes]
Application = Callable[[Any, Any, Any], Awaitable[None]]

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
KEYS = b"Idempotency-Key, If-Match, If-None-Match, Last-Event-ID"
SENT = b"Accept, Authorization, Content-Type, Prefer, X-Request-ID, " + KEYS
SEEN = b"ETag, Location, Link, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID, Idempotent-Replayed"
AGE = b"7200"
"""Seconds for which a browser need not ask again; none keeps it for longer."""
VARY = (b"vary", b"Origin")
"""On every answer, so that no cache gives one origin what another was told."""
PATHS = ("/api/", "/oauth/token", "/.well-known/")


class CrossOrigin:
    """An application that answers pages of these origins too; exact ones, such as ``https://shop.example``."""

    def __init__(self, application: Application, *, origins: Collection[str]) -> None:
        self._application = application
        self._origins = frozenset(origin.encode() for origin in origins)
        self._answer_early = getattr(application, "answer_early", None)
        self._take_over = getattr(application, "take_over", None)

    def answer_early(self, scope: Mapping[str, Any]) -> Answer | None:
        """The application's early answer (`nexus.web.server.connection`), told whom it is for."""
        return self._told_of(scope, self._answer_early(scope) if self._answer_early else None)

    def take_over(self, scope: Mapping[str, Any], body: bytes, answered: Callable[[Answer | None], None]) -> bool:
        """The same of answers that the application gives later."""
        if self._take_over is None:
            return False
        return bool(self._take_over(scope, body, lambda answer: answered(self._told_of(scope, answer))))

    def _told_of(self, scope: Mapping[str, Any], answer: Answer | None) -> Answer | None:
        if answer is None or not scope["path"].startswith(PATHS):
            return answer
        status, lines, body = answer
        return status, lines + b"".join(b"%b: %b\r\n" % header for header in self._told(_origin(scope))), body

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        origin = _origin(scope)
        if scope["type"] != "http" or not scope["path"].startswith(PATHS):
            await self._application(scope, receive, send)
        elif origin in self._origins and scope["method"] == "OPTIONS" and _asks_first(scope):
            await send({"type": "http.response.start", "status": 204, "headers": _permission(origin)})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._application(scope, receive, _telling(send, *self._told(origin)))

    def _told(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        if origin not in self._origins:
            return [VARY]
        return [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", SEEN), VARY]


def _origin(scope: Mapping[str, Any]) -> bytes:
    if scope["type"] != "http":
        return b""
    return next((value for name, value in scope["headers"] if name == b"origin"), b"")


def _asks_first(scope: Mapping[str, Any]) -> bool:
    return any(name == b"access-control-request-method" for name, _ in scope["headers"])


def _permission(origin: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", SENT),
        (b"access-control-max-age", AGE),
        VARY,
    ]


def _telling(send: Any, *headers: tuple[bytes, bytes]) -> Any:
    async def sending(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return sending
