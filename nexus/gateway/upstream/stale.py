"""
What a service said last, for when it says nothing: answers to public reads, bounded in number, size and age.

Served only when the service cannot be asked (RFC 5861, ``stale-if-error``), and marked as RFC 9211 has it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

Headers = list[tuple[bytes, bytes]]
MOST_ANSWERS, LARGEST = 2_000, 64 * 1024
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

    largest = LARGEST

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
    """Whether an answer is for everybody: nothing in it says that it is somebody's, or not to be kept."""
    named = dict(headers)
    control = named.get(b"cache-control", b"").lower()
    return (
        status == 200 and b"set-cookie" not in named and not any(word in control for word in (b"no-store", b"private"))
    )
