"""
What must always be true, said by each app of its own data; `verify` asks for all of it.

What two apps must agree on is said by each as a list of the same fact: the one who owns it, and those who keep a copy.
No app looks into another's store for it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
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


Disagreement = tuple[str, object, object]
"""A key, what one says of it, and what another does; None where somebody knows nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Testimony:
    """
    What an app knows of something that another knows too, by rising key (compared byte by byte), and what it does when
    the other knows it otherwise.

    Needed after a restore alone: news of what the one has forgotten was heard by the other, and is told by nobody any
    more. `believe` is given what they differ in, its own word first; it puts right what of its own it can, and yields
    a sentence for each thing it did.
    """

    fact: str
    keeper: str
    entries: Callable[[], Iterator[Entry]]
    believe: Callable[[Sequence[Disagreement]], Iterator[str]]


def disagreements(own: Iterator[Entry], others: Iterator[Entry]) -> Iterator[Disagreement]:
    """Where two lists differ; both rise by key."""
    left, right = next(own, None), next(others, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None
            yield left[0], left[1], None
            left = next(own, None)
        elif left is None or right[0] < left[0]:
            yield right[0], None, right[1]
            right = next(others, None)
        else:
            if left[1] != right[1]:
                yield left[0], left[1], right[1]
            left, right = next(own, None), next(others, None)


def differences(owned: Iterator[Entry], kept: Iterator[Entry], *, partial: bool = False) -> Iterator[Offender]:
    """Where a copy differs from what the owner says; both lists rise by key."""
    for key, should, says in disagreements(owned, kept):
        if says is None:
            if not partial:
                yield key, f"is missing, should be {should}"
        elif should is None:
            yield key, f"is {says}, should not be there"
        else:
            yield key, f"is {says}, should be {should}"
