"""Finding products."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from nexus.catalog.exceptions import ProductNotFound
from nexus.catalog.models import PUBLISHED, Product, ProductRow
from nexus.catalog.models.connection import collection_of
from nexus.catalog.selectors.filters import ProductQuery, condition_of
from nexus.contracts.errors import FieldError, Invalid
from nexus.contracts.paging import Keys, Page, Slice, cut

SORTS: dict[str, tuple[str, int]] = {
    "name": ("sort_name", 1),
    "price": ("", 1),
    "-price": ("", -1),
    "newest": ("created_at", -1),
    "relevance": ("relevance", -1),
}
RELEVANCE = {"$set": {"relevance": {"$toInt": {"$multiply": [{"$meta": "textScore"}, 1000]}}}}
DERIVED = {"ancestors": 0, "tokens": 0, "keywords": 0}


def get_product(*, slug: str, statuses: Sequence[str] = (PUBLISHED,)) -> ProductRow:
    """:raises ProductNotFound: no product with this slug has one of the statuses"""
    row: ProductRow | None = collection_of(Product).find_one(  # type: ignore[assignment]
        {"slug": slug, "status": {"$in": list(statuses)}}, DERIVED
    )
    if row is None:
        raise ProductNotFound
    return row


def find_product_by_sku(*, sku: str) -> ProductRow | None:
    """The product of which this is a variant."""
    row: ProductRow | None = collection_of(Product).find_one({"variants.sku": sku}, DERIVED)  # type: ignore[assignment]
    return row


def is_slug_taken(*, slug: str, by_other_than: UUID | None = None) -> bool:
    """Whether another product has this slug."""
    row = collection_of(Product).find_one({"slug": slug}, {"_id": 1})
    return row is not None and row["_id"] != by_other_than


def list_products(*, query: ProductQuery, page: Page) -> Slice[ProductRow]:
    """
    A page of the products asked for, in their order; the id decides between equals, so that pages have no gaps.

    :raises Invalid: the page's keys belong to a list in another order
    """
    name, direction = SORTS[query.order]
    name = name or query.price_field
    direction = -direction if page.backwards else direction
    pipeline: list[dict[str, Any]] = [{"$match": condition_of(query)}]
    if query.order == "relevance":
        pipeline.append(RELEVANCE)
    if page.keys is not None:
        pipeline.append({"$match": _beyond(name, direction, _position(query, page.keys))})
    pipeline += [{"$sort": {name: direction, "_id": direction}}, {"$limit": page.size + 1}, {"$project": DERIVED}]
    rows: list[ProductRow] = list(collection_of(Product).aggregate(pipeline))  # type: ignore[arg-type]
    return cut(rows=rows, page=page, keys=[(_mark(query), _value(row, name), row["_id"]) for row in rows])


def _mark(query: ProductQuery) -> str:
    """Says which order keys belong to: those of another would quietly begin somewhere else."""
    return f"{query.order} {query.price_field}"


def _position(query: ProductQuery, keys: Keys) -> tuple[Any, UUID]:
    if len(keys) != 3 or keys[0] != _mark(query):
        message = "This cursor belongs to a list in another order."
        raise Invalid(errors=[FieldError(field="cursor", code="invalid", message=message)])
    return keys[1], keys[2]


def _value(row: ProductRow, name: str) -> Any:
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if value else None
    return value


def _beyond(name: str, direction: int, position: tuple[Any, UUID]) -> dict[str, Any]:
    """What follows a position. MongoDB sorts what has no value (no price in the currency) below every value."""
    value, identity = position
    operator = "$gt" if direction > 0 else "$lt"
    tie: dict[str, Any] = {name: value, "_id": {operator: identity}}
    if value is None:
        return {"$or": [tie, {name: {"$gte": 0}}]} if direction > 0 else tie
    others: list[dict[str, Any]] = [{name: {operator: value}}]
    if direction < 0 and name.startswith("price."):
        others.append({name: None})
    return {"$or": [tie, *others]}
