"""
The categories and product types that products refer to.

A product that begins to use one raises its `claims` in the same transaction. Moving or deleting it writes the same
document, so the two conflict and one of them starts anew: no product can slip into a category that is just leaving.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import mongoengine as me

from nexus.catalog.models import Category, CategoryRow, ProductType, TypeRow
from nexus.catalog.models.connection import collection_of
from nexus.contracts.errors import FieldError
from nexus.eventbus.stores.mongo import current_session


@dataclass(frozen=True, kw_only=True)
class References:
    """Product types by slug, and the path of each category by slug, as of the transaction under way."""

    types: dict[str, TypeRow]
    paths: dict[str, str]

    def errors(self, *, product_type: str, categories: Iterable[str]) -> Iterator[FieldError]:
        """Each reference that leads nowhere."""
        if product_type not in self.types:
            yield FieldError(field="product_type", code="not_found", message=f"No product type {product_type!r}.")
        for position, slug in enumerate(categories):
            if slug not in self.paths:
                yield FieldError(field=f"categories.{position}", code="not_found", message=f"No category {slug!r}.")

    def ancestors(self, categories: Iterable[str]) -> list[str]:
        """The categories and all above them, each once."""
        return sorted({slug for category in categories for slug in self.paths[category].split("/")})


def refer(*, types: Iterable[str], categories: Iterable[str], claim: bool) -> References:
    """Read what these slugs stand for, and claim it when products begin to use it."""
    kinds: list[TypeRow] = _rows(ProductType, types, claim)
    rows: list[CategoryRow] = _rows(Category, categories, claim)
    return References(types={row["slug"]: row for row in kinds}, paths={row["slug"]: row["path"] for row in rows})


def _rows(document: type[me.Document], slugs: Iterable[str], claim: bool) -> list[Any]:
    collection, session = collection_of(document), current_session()
    wanted = {"slug": {"$in": sorted(set(slugs))}}
    if claim and wanted["slug"]["$in"]:
        collection.update_many(wanted, {"$inc": {"claims": 1}}, session=session)
    return list(collection.find(wanted, session=session))
