"""What catalog promises of its data, what it says about facts that others keep too, and what it can make again."""

from collections.abc import Iterator
from typing import Any

from nexus.catalog.models import PUBLISHED, Product
from nexus.catalog.models.connection import collection_of
from nexus.catalog.services.restore import (
    FOUND_BY,
    drop_availability,
    drop_search_data,
    rebuild_search_data,
    wrong_search_data,
)
from nexus.contracts.inventory import StockLevelChanged
from nexus.eventbus.invariants import Copy, Entry, Invariant, Kind
from nexus.eventbus.read_models import ReadModel
from nexus.eventbus.rebuilding import from_log


def _variants(match: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every variant of these products with its product's name, by rising sku."""
    stages: list[dict[str, Any]] = [
        {"$match": match},
        {"$unwind": "$variants"},
        {"$project": {"_id": 0, "product": "$name", "variant": "$variants"}},
        {"$sort": {"variant.sku": 1}},
    ]
    return iter(collection_of(Product, whole=True).aggregate(stages, allowDiskUse=True))


def _offers() -> Iterator[Entry]:
    for row in _variants({"status": PUBLISHED}):
        variant = row["variant"]
        prices = {price["currency"]: price["amount"] for price in variant["prices"]}
        yield variant["sku"], (f"{row['product']} {variant['name']}".rstrip(), prices)


def _availability() -> Iterator[Entry]:
    for row in _variants({}):
        known = row["variant"]["availability"]
        if known["version"] >= 0:
            yield row["variant"]["sku"], (known["available"], known["version"])


def _rows(*names: str) -> Iterator[object]:
    wanted = {"_id": 0, "slug": 1, **dict.fromkeys(names, 1)}
    return (dict(sorted(row.items())) for row in collection_of(Product, whole=True).find({}, wanted).sort("slug", 1))


INVARIANTS = [
    Invariant(name="a product is found by what it says", kind=Kind.DRIFT, offenders=wrong_search_data),
]

COPIES = [
    Copy(fact="offer", keeper="catalog", owner=True, entries=_offers),
    # A product may be gone, or may have come after its stock.
    Copy(fact="stock level", keeper="catalog", partial=True, entries=_availability),
]

READ_MODELS = [
    ReadModel(
        name="availability",
        made_from="the log of inventory",
        without_it="products are shown as sold out",
        rebuild=from_log("catalog", StockLevelChanged),
        drop=drop_availability,
        rows=lambda: _rows("variants.sku", "variants.availability"),
        kept_in=["products.variants.availability"],
        outlives="inventory",
    ),
    ReadModel(
        name="search",
        made_from="the products themselves",
        without_it="products are shown, but found by no filter, search or order",
        rebuild=rebuild_search_data,
        drop=drop_search_data,
        rows=lambda: _rows(*FOUND_BY),
        kept_in=[f"products.{name}" for name in FOUND_BY],
    ),
]
