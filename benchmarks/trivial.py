"""The least that an ASGI application can answer: the floor under every GET."""

from collections.abc import Awaitable, Callable
from typing import Any

HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"7")]


async def app(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Awaitable[None]]) -> None:
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b'{"a":1}'})
