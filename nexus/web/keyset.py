"""Keyset pagination over a Django query set: constant cost however deep the page."""

from collections.abc import Sequence
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from nexus.contracts.paging import Page, Slice, cut

M = TypeVar("M", bound=Model)


def slice_of(queryset: QuerySet[M], *, order: Sequence[str], page: Page) -> Slice[M]:
    """
    The page's rows in `order` (field names, ``-`` for descending, the last one unique).
    """
    names = [name.lstrip("-") for name in order]
    descending = [name.startswith("-") != page.backwards for name in order]
    if page.keys is not None:
        queryset = queryset.filter(_beyond(names, descending, page.keys))
    ordered = queryset.order_by(*(f"-{name}" if down else name for name, down in zip(names, descending, strict=True)))
    rows = list(ordered[: page.size + 1])
    return cut(rows=rows, page=page, keys=[tuple(getattr(row, name) for name in names) for row in rows])


def _beyond(names: Sequence[str], descending: Sequence[bool], keys: Sequence[object]) -> Q:
    """Rows strictly after `keys` in lexicographic order."""
    condition, equal = Q(), Q()
    for name, down, key in zip(names, descending, keys, strict=True):
        condition |= equal & Q(**{f"{name}__{'lt' if down else 'gt'}": key})
        equal &= Q(**{name: key})
    return condition
