"""Categories to choose from."""

from nexus.catalog import selectors
from nexus.contracts.paging import Page

MOST = 2000


def category_choices(*, outside: str | None = None) -> list[tuple[str, str]]:
    """Every category with what is above it: ``Home › Lighting``; without those at or below a path."""
    rows = selectors.list_categories(page=Page(size=MOST)).items
    names = {row["slug"]: row["name"] for row in rows}
    return [
        (row["slug"], " › ".join(names.get(slug, slug) for slug in row["path"].split("/")))
        for row in rows
        if outside is None or not f"{row['path']}/".startswith(f"{outside}/")
    ]
