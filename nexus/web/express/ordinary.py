"""The ordinary way: Django as a WSGI application, in a thread, behind an ASGI server."""

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

from django.conf import settings

Send = Callable[[Mapping[str, Any]], Any]
Application = Callable[..., Any]
THREADS = 16
MOST_WAITING = 64


class Ordinary:
    """Runs a WSGI application in so many threads, while so many more may wait."""

    def __init__(self, application: Application, *, threads: int = THREADS, waiting: int = MOST_WAITING) -> None:
        self._application, self._most, self.threads = application, threads + waiting, threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ordinary")
        self._under_way = 0

    @property
    def pressure(self) -> float:
        """How full it is, of 1: who comes then would wait for too long."""
        return self._under_way / self._most if self._most else 1.0

    @property
    def working(self) -> int:
        """How many threads have a request."""
        return min(self._under_way, self.threads)

    @property
    def waiting(self) -> int:
        """How many requests wait for a thread."""
        return self._under_way - self.working

    async def answer(self, scope: Mapping[str, Any], body: bytes, send: Send, **environ: Any) -> None:
        """Answer the request; `environ` goes to the application beside what the request says."""
        loop = asyncio.get_running_loop()
        asked = Asked(self._application, environ_of(scope, body) | environ, send, loop)
        self._under_way += 1
        try:
            for message in await loop.run_in_executor(self._threads, asked.run):
                await send(message)
        finally:
            self._under_way -= 1

    def shut_down(self) -> None:
        self._threads.shutdown(wait=False)


def environ_of(scope: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    """The request as PEP 3333 wants it."""
    server, client = scope.get("server") or ("localhost", 80), scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 0),
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    environ |= _variables(scope["headers"])
    # A body that did not say how long it is has been read to its end.
    environ.setdefault("CONTENT_LENGTH", str(len(body)))
    return environ


def _variables(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        # With an underscore it could pass for another: X_Request_Id for X-Request-Id.
        if b"_" in name:
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        between = "; " if key == "HTTP_COOKIE" else ","
        found[key] = f"{found[key]}{between}{value.decode('latin-1')}" if key in found else value.decode("latin-1")
    return found


class Asked:
    """One request in its thread. What is one piece goes back in one step; what is many is sent piece by piece."""

    def __init__(self, application: Application, environ: Any, send: Send, loop: asyncio.AbstractEventLoop) -> None:
        self._application, self._environ, self._send, self._loop = application, environ, send, loop
        self._start: dict[str, Any] = {}

    def run(self) -> list[dict[str, Any]]:
        """What is left to send."""
        response = self._application(self._environ, self._begin)
        unsent: list[dict[str, Any]] = []
        try:
            for piece in response:
                for message in unsent:
                    asyncio.run_coroutine_threadsafe(self._hand_over(message), self._loop).result()
                unsent = [*([self._start] if not unsent and self._start else []), _piece(piece, more=True)]
                self._start = {}
        finally:
            if hasattr(response, "close"):
                response.close()
        if self._start:
            return [self._start, _piece(b"", more=False)]
        unsent[-1]["more_body"] = False
        return unsent

    async def _hand_over(self, message: dict[str, Any]) -> None:
        # What a server's `send` returns can be awaited, but need not be a coroutine.
        await self._send(message)

    def _begin(self, status: str, headers: list[tuple[str, str]], failure: Any = None) -> Any:
        self._start = {
            "type": "http.response.start",
            "status": int(status.split(" ", 1)[0]),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        }
        return lambda _: None


def _piece(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


def said_length(scope: Mapping[str, Any]) -> int:
    """How long the body says it is; 0 when it does not say."""
    return max(
        (int(said) for name, said in scope["headers"] if name == b"content-length" and said.isdigit()), default=0
    )


async def read_body(scope: Mapping[str, Any], receive: Callable[[], Any]) -> bytes | None:
    """
    The body, all of it; of one that is too large only as much as shows it. None when the client left meanwhile.

    What says beforehand that it is too large is not read at all, nor what a GET may carry: it means nothing (RFC 9110,
    section 9.3.1).
    """
    if scope["method"] == "GET":
        return b""
    most: int = settings.MAX_BODY
    if said_length(scope) > most:
        return b""
    parts: list[bytes] = []
    size = 0
    while size <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if not message.get("more_body"):
            break
    return parts[0] if len(parts) == 1 else b"".join(parts)
