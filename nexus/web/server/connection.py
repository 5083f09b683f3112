"""One connection: uvicorn's, with an end to what a client may send and to how long it may take."""

import sys
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from httptools import HttpParserInvalidURLError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

LARGEST_HEAD = 64 * 1024
"""Bytes of a request before its body; the piece in which it begins is not counted."""
ARRIVES_WITHIN = 30.0
"""Seconds for a request to arrive, whole; and for the first to begin."""
SPOKEN = ("1.1", "1.0")
NOT_IN_A_URL = "The URL has letters that must be written in percents (RFC 3986, section 2.1)."
Message = Any
"""Of ASGI."""


class Connection(HttpToolsProtocol):
    """
    Speaks HTTP/1.1 with one client. Bytes that are no request are answered 400, 408 or 431, and it is closed.

    An application that has a `turn_away` is asked for each request before anything is done for it: what that answers
    goes out at once, and nobody hears of the request. No request costs a timer: the server has all its connections
    `look` at the clock once in a while.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._size = 0
        self._arriving, self._has_head = True, False
        self._since = self.loop.time()
        self._turn_away = getattr(self.app, "turn_away", None)
        self._turned_away = False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # The server hangs this on the state that all its connections share.
        self.server_state.left()  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._size += len(data)
        super().data_received(data)
        if self._size > LARGEST_HEAD and self._arriving and not self._has_head and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._turned_away = False
        self._arriving, self._has_head, self._size = True, False, 0
        self._since = self.loop.time()

    def on_headers_complete(self) -> None:
        self._has_head = True
        if self.parser.get_http_version() not in SPOKEN:
            raise ValueError("a version of HTTP that is not spoken here")
        if self._turn_away is not None and self._is_free() and (answer := self._turn_away(self._asked())):
            self._write_at_once(*answer)
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._turned_away:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._arriving = False
        if not self._turned_away:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """What uvicorn does, without its timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self._since = self.loop.time()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def look(self, now: float) -> None:
        """Close the connection when its client lets the server wait for too long."""
        waited = now - self._since
        if self._arriving:
            if waited > ARRIVES_WITHIN:
                self._too_slow()
        elif waited > self.timeout_keep_alive and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn says to bytes that are no request."""
        in_url = isinstance(sys.exception(), HttpParserInvalidURLError)
        self._refuse(HTTPStatus.BAD_REQUEST, NOT_IN_A_URL if in_url else "The request is not HTTP.")

    def _is_free(self) -> bool:
        """Whether an answer may be written now, and the next request be waited for."""
        idle = self.cycle is None or self.cycle.response_complete
        return idle and self.parser.should_keep_alive() and not self.expect_100_continue

    def _asked(self) -> Message:
        """The request as far as it is known before uvicorn looks at it; its path as it came."""
        path = self.url.partition(b"?")[0].decode("latin-1")
        asked: dict[str, Any] = self.scope  # type: ignore[assignment]
        asked.update(method=self.parser.get_method().decode("latin-1"), path=path, query_string=b"")
        return asked

    def _write_at_once(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._turned_away = True
        self.server_state.total_requests += 1
        self._since = self.loop.time()
        self.transport.write(_head(status, [*self.server_state.default_headers, *headers], len(body), True) + body)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        super()._start_asgi_task(cycle, lambda scope, receive, _: app(scope, receive, AtOnce(cycle)))

    def _too_slow(self) -> None:
        if self._turned_away:
            self.transport.close()
        elif self.cycle is None or self.cycle.response_complete:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive.")
        else:
            # Somebody reads the body, and learns like this that it will never be whole.
            self.transport.close()

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer with a problem (RFC 9457) and hang up; an answer under way is cut off instead."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_problem(status, detail))
        self.transport.close()


class AtOnce:
    """
    An ASGI ``send`` that writes an answer of one piece by one call of the system, head and body together; uvicorn
    writes all others, piece by piece.
    """

    __slots__ = ("_cycle", "_start")

    def __init__(self, cycle: Any) -> None:
        self._cycle, self._start = cycle, None

    async def __call__(self, message: Message) -> None:
        start, cycle = self._start, self._cycle
        if start is None:
            if message["type"] == "http.response.start" and not cycle.response_started and _says_length(message):
                self._start = message
                return
        else:
            self._start = None
            if message.get("more_body") or not self._write(start, message.get("body", b"")):
                await cycle.send(start)
            else:
                return
        await cycle.send(message)

    def _write(self, start: Message, body: bytes) -> bool:
        """Whether the answer is plain, and written."""
        cycle = self._cycle
        if cycle.disconnected or cycle.flow.write_paused or cycle.scope["method"] == "HEAD":
            return False
        head = _head(start["status"], [*cycle.default_headers, *start["headers"]], len(body), cycle.keep_alive)
        if not head:
            return False
        cycle.transport.write(head + body)
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True


def _says_length(message: Message) -> bool:
    return any(name == b"content-length" for name, _ in message["headers"])


def _head(status: int, headers: list[tuple[bytes, bytes]], length: int, keep_alive: bool) -> bytes:
    """The head as it goes out; empty when something about it wants a second look."""
    lines = [STATUS_LINE[status]]
    for name, value in headers:
        if name == b"connection" or (name == b"content-length" and value != b"%d" % length):
            return b""
        lines += (name, b": ", value, b"\r\n")
    lines.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
    head = b"".join(lines)
    # No value may end its line and begin another.
    ends = len(headers) + (2 if keep_alive else 3)
    return head if head.count(b"\n") == head.count(b"\r") == ends and b"\0" not in head else b""


@lru_cache
def _problem(status: HTTPStatus, detail: str) -> bytes:
    body = b'{"type":"about:blank","title":"%b","status":%d,"detail":"%b"}' % (
        status.phrase.encode(),
        status,
        detail.encode(),
    )
    head = b"content-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
    return STATUS_LINE[status] + head + body
