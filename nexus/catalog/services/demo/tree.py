"""The demo's categories, parents first."""

from collections.abc import Iterator

from nexus.catalog.services.drafts import NewCategory

TREE: dict[str, dict[str, list[str]]] = {
    "Home": {
        "Lighting": ["Desk lamps", "Floor lamps", "Pendant lamps"],
        "Seating": ["Dining chairs", "Lounge chairs", "Stools"],
        "Coffee and tea": ["Espresso machines", "Black tea", "Green tea", "Herbal tea"],
    },
    "Clothing": {"Tops": ["T-shirts", "Long sleeves"], "Bags": ["Backpacks", "Totes"]},
    "Books": {"Fiction": ["Novels", "Crime"], "Non-fiction": ["Cookery", "Travel", "Science"]},
    "Cycling": {"Drivetrain": ["Chains", "Cassettes"], "Wheels": ["Tyres", "Rims"], "Controls": ["Saddles", "Grips"]},
}


def demo_categories() -> Iterator[NewCategory]:
    """Every category, each behind its parent."""
    for top, middles in TREE.items():
        yield NewCategory(slug=_slug(top), name=top)
        for middle, leaves in middles.items():
            yield NewCategory(slug=_slug(middle), name=middle, parent=_slug(top))
            for leaf in leaves:
                yield NewCategory(slug=_slug(leaf), name=leaf, parent=_slug(middle))


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")
