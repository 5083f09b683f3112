"""A page of a list by keyset: where the reader stands is a tuple of sort values, never a row number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Keys = tuple[Any, ...]
"""The sort values of a row, the last one unique."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """Which part of a list is wanted: `size` rows beyond `keys`, towards the beginning when `backwards`."""

    size: int = 20
    keys: Keys | None = None
    backwards: bool = False


@dataclass(frozen=True, kw_only=True)
class Slice(Generic[T]):
    """The rows of a page in list order, and the keys to go on from on either side (None at an end)."""

    items: Sequence[T]
    next: Keys | None = None
    previous: Keys | None = None


def cut(*, rows: Sequence[T], page: Page, keys: Sequence[Keys]) -> Slice[T]:
    """
    Make a slice of up to ``page.size + 1`` rows as they were read (reversed when reading backwards); the extra row
    only tells that there is more.
    """
    more = len(rows) > page.size
    items, marks = list(rows[: page.size]), list(keys[: page.size])
    if page.backwards:
        items.reverse()
        marks.reverse()
    if not items:
        return Slice(items=items)
    goes_on, came_from = (page.keys is not None, more) if page.backwards else (more, page.keys is not None)
    return Slice(items=items, next=marks[-1] if goes_on else None, previous=marks[0] if came_from else None)
