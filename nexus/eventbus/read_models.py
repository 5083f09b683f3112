"""Everything that is derived and can be thrown away, said by each app of its own; `rebuild` makes it again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec


@dataclass(frozen=True, kw_only=True)
class ReadModel:
    """
    :cvar made_from: what it is derived of, for people
    :cvar without_it: what a visitor sees while it is missing
    :cvar rebuild: makes it what its source says, in pages; yields the size of each
    :cvar drop: throws it away
    :cvar rows: its content, in one order, without what says nothing (such as when a row was written)
    :cvar kept_in: the tables that hold nothing else, or fields of a collection as ``products.tokens``
    :cvar outlives: the app of whose data it may remember, after a restore, what that has forgotten
    """

    name: str
    made_from: str
    without_it: str
    rebuild: Callable[[], Iterator[int]]
    drop: Callable[[], None]
    rows: Callable[[], Iterator[object]]
    kept_in: Sequence[str] = ()
    outlives: str = ""


def digest_of(model: ReadModel) -> tuple[str, int]:
    """SHA-256 over the rows, and how many they are."""
    digest, count = sha256(), 0
    for row in model.rows():
        digest.update(msgspec.json.encode(row))
        count += 1
    return digest.hexdigest(), count
