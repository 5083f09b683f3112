"""How much of a product is left, as inventory told it last."""

from collections.abc import Sequence

from pymongo import UpdateOne

from nexus.catalog.models import Product
from nexus.catalog.models.connection import collection_of
from nexus.contracts.base import Envelope
from nexus.contracts.inventory import StockLevelChanged
from nexus.eventbus.stores.mongo import current_session


def show_stock_levels(levels: Sequence[Envelope[StockLevelChanged]]) -> None:
    """
    Keep the highest version of each sku's stock level, whatever the order they come in.

    A sku that no product has is passed over: it was deleted, or was never here. The product's own version stays, so
    that trade in the shop does not make the forms of its staff stale.
    """
    newest: dict[str, Envelope[StockLevelChanged]] = {}
    for level in levels:
        if level.data.sku not in newest or level.data.version > newest[level.data.sku].data.version:
            newest[level.data.sku] = level
    updates = [_keep_if_newer(level) for level in newest.values()]
    collection_of(Product).bulk_write(updates, ordered=False, session=current_session())


def _keep_if_newer(level: Envelope[StockLevelChanged]) -> UpdateOne:
    fact = level.data
    older = {"sku": fact.sku, "availability.version": {"$lt": fact.version}}
    # One by one: `in_stock` is in an index, and as long as it stays as it is no index has to be looked at.
    availability = {
        "variants.$.availability.in_stock": fact.available > 0,
        "variants.$.availability.available": fact.available,
        "variants.$.availability.as_of": level.time,
        "variants.$.availability.version": fact.version,
    }
    return UpdateOne({"variants": {"$elemMatch": older}}, {"$set": availability})
