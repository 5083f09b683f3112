"""
What must always be true, said by each app of its own data; `verify` asks for all of it.

What two apps must agree on is said by each as a list of the same fact: the one who owns it, and those who keep a copy.
No app looks into another's store for it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

Offender = tuple[str, str]
"""What breaks the invariant (the same thing has the same words each time), and in which way."""
Entry = tuple[str, object]
"""A key and what is said of it."""


class Kind(StrEnum):
    """What a broken invariant means."""

    LOST = "lost"
    DOUBLE = "double"
    OVERSOLD = "oversold"
    DRIFT = "drift"
    STUCK = "stuck"


@dataclass(frozen=True, kw_only=True)
class Invariant:
    """A sentence that is true, and a search for what makes it false."""

    name: str
    kind: Kind
    offenders: Callable[[], Iterable[Offender]]


@dataclass(frozen=True, kw_only=True)
class Copy:
    """
    One keeper's list of a fact, by rising key (compared byte by byte). A `partial` keeper may lack keys, such as a
    cache; what it has must be right.
    """

    fact: str
    keeper: str
    entries: Callable[[], Iterator[Entry]]
    owner: bool = False
    partial: bool = False


def differences(owned: Iterator[Entry], kept: Iterator[Entry], *, partial: bool = False) -> Iterator[Offender]:
    """Where a copy differs from what the owner says; both lists rise by key."""
    left, right = next(owned, None), next(kept, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None
            if not partial:
                yield left[0], f"is missing, should be {left[1]}"
            left = next(owned, None)
        elif left is None or right[0] < left[0]:
            yield right[0], f"is {right[1]}, should not be there"
            right = next(kept, None)
        else:
            if left[1] != right[1]:
                yield left[0], f"is {right[1]}, should be {left[1]}"
            left, right = next(owned, None), next(kept, None)
