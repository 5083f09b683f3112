"""Answers of one piece, written at once."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

END, CLOSE = b"\r\n", b"connection: close\r\n\r\n"


class AtOnce:
    """
    An ASGI ``send`` that writes an answer of one piece by one call of the system, head and body together; uvicorn
    writes all others, piece by piece.
    """

    __slots__ = ("_cycle", "_start")

    def __init__(self, cycle: Any) -> None:
        self._cycle, self._start = cycle, None

    async def __call__(self, message: Any) -> None:
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

    def _write(self, start: Any, body: bytes) -> bool:
        """Whether the answer is plain, and written."""
        cycle = self._cycle
        if cycle.disconnected or cycle.flow.write_paused or cycle.scope["method"] == "HEAD":
            return False
        # A client that still waits for "100 Continue" will or will not send its body: nobody can tell what comes next.
        cycle.keep_alive = cycle.keep_alive and not cycle.waiting_for_100_continue
        head = head_of(start["status"], [*cycle.default_headers, *start["headers"]], len(body), cycle.keep_alive)
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


class Usual:
    """A server's own headers as they go out: it makes a new list of them once a second."""

    __slots__ = ("_headers", "_lines")

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._lines = b""

    def lines(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Those, put together once."""
        if headers is not self._headers:
            self._headers, self._lines = headers, b"".join(b"%b: %b\r\n" % header for header in headers)
        return self._lines


usual = Usual()


def _says_length(message: Any) -> bool:
    return any(name == b"content-length" for name, _ in message.get("headers", ()))


def head_of(status: int, headers: list[tuple[bytes, bytes]], length: int, keep_alive: bool) -> bytes:
    """The head as it goes out; empty when something about it wants a second look."""
    lines = [STATUS_LINE[status]]
    for name, value in headers:
        if name == b"connection" or (name == b"content-length" and value != b"%d" % length):
            return b""
        lines += (name, b": ", value, b"\r\n")
    lines.append(END if keep_alive else CLOSE)
    head = b"".join(lines)
    # No value may end its line and begin another.
    ends = len(headers) + (2 if keep_alive else 3)
    return head if head.count(b"\n") == head.count(b"\r") == ends and b"\0" not in head else b""
