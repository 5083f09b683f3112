"""One connection: uvicorn's, with an end to what a client may send and to how long it may take."""

import logging
import re
import sys
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from httptools import HttpParserInvalidURLError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from nexus.web.server.asking import Asking
from nexus.web.server.door import Guest
from nexus.web.server.turns import Turn, Turns, turns_of
from nexus.web.server.writing import AtOnce

log = logging.getLogger("nexus.web.server")

LARGEST_HEAD = 64 * 1024
"""Bytes of a request before its body, or after it; the piece in which it begins is not counted."""
MOST_AHEAD = 16
"""Requests that may wait for the answer to the one before them."""
ARRIVES_WITHIN = 30.0
"""Seconds for a request to arrive, whole; for the first to begin; and for a client to take some of its answer."""
SPOKEN = ("1.1", "1.0")
UPGRADE = re.compile(rb"\r\nupgrade[ \t]*:[^\r\n]*", re.IGNORECASE)
NOT_IN_A_URL = "The URL has letters that must be written in percents (RFC 3986, section 2.1)."


class Connection(Asking, Guest):
    """
    Speaks HTTP/1.1 with one client. Bytes that are no request are answered 400, 408 or 431, and it is closed.

    No request costs a timer: the server has all its connections `look` at the clock once in a while.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._turns: Turns = turns_of(self.server_state)
        self._size = self._unsent = 0
        self._arriving, self._has_head = True, False
        self._since = self._took_some = self.loop.time()

    # -- what comes

    def connection_lost(self, exc: Exception | None) -> None:
        self.pipeline.clear()
        if self._answering is not None and not self._answering.response_complete:
            # uvicorn tells the newest request alone.
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)
        # The server hangs this on the state that all its connections share.
        self.server_state.left()  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._turns.add(self, data)

    def eof_received(self) -> None:
        # What came before the end is not lost with the connection.
        self._turns.read()

    def shutdown(self) -> None:
        self._turns.read()
        super().shutdown()

    def give_up(self) -> None:
        """Nobody knows what became of what this connection has received."""
        self.transport.abort()

    def read(self, data: bytes, turn: Turn) -> None:
        """What `data_received` is elsewhere."""
        if self.transport.is_closing():
            return
        self._turn = turn
        if self.ask_at_a_glance(data):
            self._arriving = False
            return
        self._size += len(data)
        super().data_received(self._without_upgrade(data) if b"pgrade" in data else data)
        if self._parts is not None:
            # The body takes its time: whoever handles the request sees to that.
            try:
                self.let_in()
            except HttpParserInvalidURLError:
                self.send_400_response("")
        if self._size > LARGEST_HEAD and self._arriving and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arriving, self._has_head, self._size = True, False, 0
        self._since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        # As uvicorn does it, without one more call for each header.
        name = name.lower()
        if self._has_head:
            # What comes after a body, its trailers, must not pass for what came before it.
            if name == b"connection":
                raise ValueError("a trailer that the parser follows, and nobody else hears of")
            return
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._has_head = True
        self._version = self.parser.get_http_version()
        if self._version not in SPOKEN:
            raise ValueError("a version of HTTP that is not spoken here")
        if self.parser.should_upgrade():
            raise ValueError("an upgrade that came in pieces: the parser would take its body for the next request")
        if len(self.pipeline) >= MOST_AHEAD:
            raise ValueError("too many requests that do not wait for answers")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._size = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._arriving = self._has_head = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn says to bytes that are no request."""
        in_url = isinstance(sys.exception(), HttpParserInvalidURLError)
        self._refuse(HTTPStatus.BAD_REQUEST, NOT_IN_A_URL if in_url else "The request is not HTTP.")

    def _without_upgrade(self, data: bytes) -> bytes:
        """
        A server may ignore that a client would rather speak something else (RFC 9110, section 7.8), as Java's clients
        say with each first request; the parser could not.
        """
        if self._arriving and self._has_head:
            return data
        head, end, rest = data.partition(b"\r\n\r\n")
        return UPGRADE.sub(b"", head) + end + rest

    # -- what is answered

    def on_response_complete(self) -> None:
        """What uvicorn does, without its timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self._since = self.loop.time()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, lambda scope, receive, _: app(scope, receive, AtOnce(cycle)))

    # -- what takes too long

    def look(self, now: float) -> None:
        """Close the connection when its client lets the server wait for too long."""
        if self._takes_nothing(now):
            self.transport.abort()
        elif self.transport.is_closing() or self.pipeline or self.flow.read_paused:
            return
        elif self._arriving:
            if now - self._since > ARRIVES_WITHIN:
                self._too_slow()
        elif now - self._since > self.timeout_keep_alive and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()

    def _takes_nothing(self, now: float) -> bool:
        """Whether the client has read nothing of what waits for it, for too long."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent < self._unsent:
            self._took_some = now
        self._unsent = unsent
        return bool(unsent) and now - self._took_some > ARRIVES_WITHIN

    def _too_slow(self) -> None:
        if self._has_head:
            # Whoever reads the body learns like this that it will never be whole.
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive.")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer with a problem (RFC 9457) and hang up; only hang up where that could pass for another's answer."""
        cycle, held, self._parts = self.cycle, self._parts is not None, None
        if held:
            owed = True
        elif cycle is None or (cycle.response_complete and not self._has_head):
            owed = not (self._answered_early and self._has_head)
        else:
            # Of the request that is still arriving, and that nothing was said to yet.
            owed = self._arriving and self._has_head and not cycle.response_started
        if owed and not self.pipeline and not self.transport.is_closing():
            self.transport.write(_problem(status, detail))
        self.transport.close()


@lru_cache
def _problem(status: HTTPStatus, detail: str) -> bytes:
    body = b'{"type":"about:blank","title":"%b","status":%d,"detail":"%b"}' % (
        status.phrase.encode(),
        status,
        detail.encode(),
    )
    head = b"content-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
    return STATUS_LINE[status] + head + body
