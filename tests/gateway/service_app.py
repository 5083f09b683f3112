"""
A service for the proxy to stand before, as an ASGI application: what it answers is in the path's last part.

``echo`` tells what arrived, the others behave as they are called.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any

LARGE = bytes(range(256)) * 20_000
"""5 MB."""
TAG = b'"one"'
# Of the hop before us, or what a door adds by its office.
NOT_TOLD = {b"host", b"connection", b"x-request-id", b"x-request-deadline", b"x-forwarded-for", b"x-forwarded-proto"}
NOT_TOLD |= {
    b"transfer-encoding",
    b"content-length",
    b"expect",
    b"te",
    b"trailer",
    b"keep-alive",
    b"upgrade",
    b"http2-settings",
}


async def live(receive: Any, send: Any) -> None:
    """From the server's beginning to its end."""
    while (kind := (await receive())["type"]) != "lifespan.shutdown":
        await send({"type": f"{kind}.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def app(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    body = await _read(receive)
    scope = {**scope, "left": receive}
    await ANSWERS.get(scope["path"].rstrip("/").rpartition("/")[2], _echo)(scope, body, send)


async def _read(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _reply(send: Any, status: int, body: bytes = b"", *headers: tuple[bytes, bytes]) -> None:
    length = [(b"content-length", str(len(body)).encode())] if body or status not in (204, 304) else []
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})


async def _echo(scope: Any, body: bytes, send: Any) -> None:
    told = {
        "method": scope["method"],
        "path": scope["path"].rstrip("/"),
        "query": scope["query_string"].decode("latin-1"),
        "headers": sorted((n.decode(), v.decode("latin-1")) for n, v in scope["headers"] if n not in NOT_TOLD),
        "length": len(body),
        "digest": hashlib.sha256(body).hexdigest(),
    }
    answer = json.dumps(told).encode()
    kind = (b"content-type", b"application/json")
    await _reply(send, 200, b"" if scope["method"] == "HEAD" else answer, kind, (b"cache-control", b"no-store"))


async def _pieces(scope: Any, body: bytes, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for number in range(20):
        await send({"type": "http.response.body", "body": b"piece %d\n" % number, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


async def _events(scope: Any, body: bytes, send: Any) -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(3):
        await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
        await asyncio.sleep(0.05)
    await send({"type": "http.response.body", "body": b""})


async def _range(scope: Any, body: bytes, send: Any) -> None:
    wanted = dict(scope["headers"]).get(b"range", b"").decode().removeprefix("bytes=")
    if not wanted:
        await _reply(send, 200, LARGE[:1000], (b"accept-ranges", b"bytes"))
        return
    first, _, last = wanted.partition("-")
    if int(first or 0) >= 1000:
        await _reply(send, 416, b"", (b"content-range", b"bytes */1000"))
        return
    part = LARGE[:1000][int(first or 0) : int(last or 999) + 1]
    told = f"bytes {int(first or 0)}-{int(first or 0) + len(part) - 1}/1000".encode()
    await _reply(send, 206, part, (b"content-range", told))


async def _tagged(scope: Any, body: bytes, send: Any) -> None:
    if dict(scope["headers"]).get(b"if-none-match") == TAG:
        await _reply(send, 304, b"", (b"etag", TAG))
    else:
        await _reply(send, 200, b"tagged", (b"etag", TAG), (b"content-type", b"text/plain"))


async def _heard(scope: Any, body: bytes, send: Any) -> None:
    lines = [f"{name.decode()}: {value.decode('latin-1')}" for name, value in scope["headers"]]
    await _reply(send, 200, "\n".join(lines).encode())


held: set[asyncio.Event] = set()


async def _held(scope: Any, body: bytes, send: Any) -> None:
    """An event, and another when somebody says so; ends early when the client has gone."""
    let_go = asyncio.Event()
    held.add(let_go)
    try:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
        leaving, going = asyncio.ensure_future(scope["left"]()), asyncio.ensure_future(let_go.wait())
        await asyncio.wait({leaving, going}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        going.cancel()
        await send({"type": "http.response.body", "body": b"data: last\n\n"})
    finally:
        held.discard(let_go)


async def _let_go(scope: Any, body: bytes, send: Any) -> None:
    for each in held:
        each.set()
    await _reply(send, 200, b"gone")


async def _holding(scope: Any, body: bytes, send: Any) -> None:
    await _reply(send, 200, str(len(held)).encode())


async def _broken(scope: Any, body: bytes, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    await asyncio.sleep(0.05)
    raise ConnectionError("as if the process had died")


async def _slow(scope: Any, body: bytes, send: Any) -> None:
    await asyncio.sleep(30)
    await _reply(send, 200, b"late")


def _plain(status: int, body: bytes = b"", *headers: tuple[bytes, bytes]) -> Any:
    async def answer(scope: Any, _: bytes, send: Any) -> None:
        await _reply(send, status, b"" if scope["method"] == "HEAD" else body, *headers)

    return answer


ANSWERS = {
    "pieces": _pieces,
    "events": _events,
    "range": _range,
    "tagged": _tagged,
    "slow": _slow,
    "broken": _broken,
    "heard": _heard,
    "held": _held,
    "let-go": _let_go,
    "holding": _holding,
    "large": _plain(200, LARGE, (b"content-type", b"application/octet-stream")),
    "nothing": _plain(204),
    "created": _plain(201, b"{}", (b"location", b"/api/v1/orders/7"), (b"content-type", b"application/json")),
    "moved": _plain(301, b"", (b"location", b"/api/v1/orders/echo")),
    "elsewhere": _plain(302, b"", (b"location", b"http://example.invalid/x")),
    "gone": _plain(410, b"gone", (b"content-type", b"text/plain")),
    "wrong": _plain(500, b"{}", (b"content-type", b"application/problem+json")),
    "busy": _plain(503, b"{}", (b"retry-after", b"7"), (b"content-type", b"application/problem+json")),
    "cookies": _plain(200, b"x", (b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2; HttpOnly")),
    "packed": _plain(200, b"\x1f\x8b\x08not really gzip", (b"content-encoding", b"gzip")),
    "latin": _plain(200, b"x", (b"x-name", "é".encode("latin-1"))),
    "many": _plain(200, b"x", *[(b"x-part", str(n).encode()) for n in range(60)]),
    "long": _plain(200, b"x", (b"x-long", b"v" * 7000)),
    "private": _plain(200, b"mine", (b"cache-control", b"private")),
    "teapot": _plain(418, b"short and stout"),
}
