"""Reads as little of an HTTP/1.1 answer as the load needs: status, length, and whether Retry-After is there."""

from typing import NamedTuple


class Answer(NamedTuple):
    """What came back, its body aside."""

    status: int
    retry_after: bool


class Answers:
    """The answers on one connection, one after the other, in whatever pieces they arrive."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, received: bytes) -> Answer | None:
        """
        Take a piece; the answer once it is whole, else None.

        :raises ValueError: no HTTP answer, or more than the one that was asked for
        """
        if self._kept:
            received = self._kept + received
        head = received.find(b"\r\n\r\n")
        if head < 0 or (missing := _missing(received, head)) > 0:
            self._kept = received
            return None
        if missing < 0:
            raise ValueError("more came than was asked for")
        self._kept = b""
        retry_after = False if received[9:10] == b"2" else b"\r\nretry-after:" in received[:head].lower()
        return Answer(int(received[9:12]), retry_after)


def _missing(received: bytes, head: int) -> int:
    """Bytes still to come; negative when there are too many."""
    at = received.find(b"content-length: ", 0, head)
    if at < 0:
        return _missing_otherwise(received, head)
    stop = received.find(b"\r", at)
    return head + 4 + int(received[at + 16 : stop]) - len(received)


def _missing_otherwise(received: bytes, head: int) -> int:
    lines = received[:head].lower().split(b"\r\n")
    fields = dict(line.partition(b":")[::2] for line in lines[1:])
    if b"content-length" in fields:
        return head + 4 + int(fields[b"content-length"]) - len(received)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        return 0 if received.endswith(b"\r\n0\r\n\r\n") or received[head + 4 :] == b"0\r\n\r\n" else 1
    return head + 4 - len(received)
