"""
What a service said last, for when it says nothing: answers to public reads, bounded in number, size and age.

Served only when the service cannot be asked (RFC 5861, ``stale-if-error``), and marked as RFC 9211 has it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from nexus.gateway.headers import Headers

MOST_ANSWERS, LARGEST = 2_000, 64 * 1024
ANSWERED_BY = frozenset({b"accept", b"accept-encoding", b"accept-language", b"host", b"cookie", b"authorization"})
"""What an answer may depend on: whoever asks says the former in the question, and has none of the last two."""
LONGEST = 3600.0
"""Seconds; prices of yesterday help nobody."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A whole answer with status 200, as the service gave it."""

    headers: Headers
    body: bytes
    at: float


class StaleAnswers:
    """The last good answers by what was asked; the one that was not needed for longest goes first."""

    def __init__(self, *, most: int = MOST_ANSWERS, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._kept: OrderedDict[tuple[bytes, ...], Kept] = OrderedDict()

    def keep(self, asked: tuple[bytes, ...], *, headers: Headers, body: bytes) -> None:
        """Remember an answer that anybody may see."""
        self._kept[asked] = Kept(headers=headers, body=body, at=self._clock())
        self._kept.move_to_end(asked)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def find(self, asked: tuple[bytes, ...]) -> tuple[Kept, int] | None:
        """What was answered last, and how many seconds ago; None when that is too long."""
        kept = self._kept.get(asked)
        if kept is None:
            return None
        age = self._clock() - kept.at
        if age > LONGEST:
            del self._kept[asked]
            return None
        self._kept.move_to_end(asked)
        return kept, int(age)


def may_be_kept(status: int, headers: Headers) -> bool:
    """
    Whether an answer is for everybody who asks in the same words: nothing in it says that it is somebody's, or not to
    be kept, or that it depends on something else.
    """
    refusing = any(word in _listed(headers, b"cache-control") for word in (b"no-store", b"private"))
    depends = set(_listed(headers, b"vary")) - ANSWERED_BY
    return status == 200 and not refusing and not depends and all(name != b"set-cookie" for name, _ in headers)


def _listed(headers: Headers, wanted: bytes) -> list[bytes]:
    """The words of a header, however many times it comes; what follows an ``=`` left out."""
    words = (word for name, value in headers if name == wanted for word in value.split(b","))
    return [word.partition(b"=")[0].strip().lower() for word in words]
