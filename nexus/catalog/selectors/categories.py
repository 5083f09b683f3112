"""Finding categories."""

from nexus.catalog.exceptions import CategoryNotFound
from nexus.catalog.models import Category, CategoryRow
from nexus.catalog.models.connection import collection_of
from nexus.contracts.paging import Page, Slice, cut


def get_category(*, slug: str) -> CategoryRow:
    """:raises CategoryNotFound: no category has this slug"""
    row: CategoryRow | None = collection_of(Category).find_one({"slug": slug})  # type: ignore[assignment]
    if row is None:
        raise CategoryNotFound
    return row


def list_categories(*, page: Page) -> Slice[CategoryRow]:
    """A page of all categories in the order of their paths: each one somewhere behind its parent."""
    operator, direction = ("$lt", -1) if page.backwards else ("$gt", 1)
    beyond = {"path": {operator: page.keys[0]}} if page.keys else {}
    found = collection_of(Category).find(beyond).sort("path", direction).limit(page.size + 1)
    rows: list[CategoryRow] = list(found)  # type: ignore[arg-type]
    return cut(rows=rows, page=page, keys=[(row["path"],) for row in rows])
