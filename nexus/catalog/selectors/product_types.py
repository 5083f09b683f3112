"""Finding product types."""

from nexus.catalog.exceptions import ProductTypeNotFound
from nexus.catalog.models import ProductType, TypeRow
from nexus.catalog.models.connection import collection_of
from nexus.contracts.paging import Page, Slice, cut


def get_product_type(*, slug: str) -> TypeRow:
    """:raises ProductTypeNotFound: no product type has this slug"""
    row = find_product_type(slug=slug)
    if row is None:
        raise ProductTypeNotFound
    return row


def find_product_type(*, slug: str) -> TypeRow | None:
    row: TypeRow | None = collection_of(ProductType).find_one({"slug": slug})  # type: ignore[assignment]
    return row


def list_product_types(*, page: Page) -> Slice[TypeRow]:
    """A page of all product types in the order of their slugs."""
    operator, direction = ("$lt", -1) if page.backwards else ("$gt", 1)
    beyond = {"slug": {operator: page.keys[0]}} if page.keys else {}
    found = collection_of(ProductType).find(beyond).sort("slug", direction).limit(page.size + 1)
    rows: list[TypeRow] = list(found)  # type: ignore[arg-type]
    return cut(rows=rows, page=page, keys=[(row["slug"],) for row in rows])
