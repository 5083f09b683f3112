"""
Skus that left their product, with the version of their last offer.

Whoever keeps offers keeps the one with the highest version, and a stream's sequence never repeats. So a sku that comes
back, in its old product or in another, goes on above where it ended.
"""

from collections.abc import Iterable

from nexus.catalog.models import AvailabilityRow, ProductRow
from nexus.catalog.models.connection import RETIRED_SKUS, database
from nexus.catalog.services.offers import skus_of
from nexus.eventbus.stores.mongo import current_session


def retire(*, product: ProductRow, version: int, keep: Iterable[str] = ()) -> None:
    """Remember the product's skus, but those it keeps, as last told at `version`."""
    kept = set(keep)
    rows = [
        {"_id": variant["sku"], "version": version, "availability": variant["availability"]}
        for variant in product["variants"]
        if variant["sku"] not in kept
    ]
    if rows:
        skus = [row["_id"] for row in rows]
        retired, session = database()[RETIRED_SKUS], current_session()
        retired.delete_many({"_id": {"$in": skus}}, session=session)
        retired.insert_many(rows, session=session)


def come_back(*, skus: Iterable[str]) -> dict[str, tuple[int, AvailabilityRow]]:
    """The version of the last offer and the last known availability of those of the skus that were here before."""
    found = database()[RETIRED_SKUS].find({"_id": {"$in": sorted(set(skus))}}, session=current_session())
    return {row["_id"]: (row["version"], row["availability"]) for row in found}


def floor_of(product: ProductRow | None, known: dict[str, tuple[int, AvailabilityRow]], skus: Iterable[str]) -> int:
    """The version above which a product that takes these skus has to go on."""
    present = set(skus_of(product))
    returning = [known[sku][0] for sku in skus if sku in known and sku not in present]
    return max([product["version"] if product else 0, *returning])
