"""What follows when a category moves: paths below it, and the ancestors of products in it."""

from pymongo import UpdateOne

from nexus.catalog.models import Category, Product
from nexus.catalog.models.connection import collection_of
from nexus.catalog.services.references import refer
from nexus.eventbus.stores.mongo import current_session

BATCH = 1000


def move_descendants(*, old: str, new: str) -> None:
    """Give everything below `old` a path below `new`."""
    categories, session = collection_of(Category), current_session()
    # "0" follows "/" in the alphabet of bytes: the range holds exactly the paths that begin with `old` and a slash.
    below = categories.find({"path": {"$gt": f"{old}/", "$lt": f"{old}0"}}, session=session)
    moves = [
        UpdateOne({"_id": row["_id"]}, {"$set": {"path": new + row["path"].removeprefix(old)}}) for row in list(below)
    ]
    if moves:
        categories.bulk_write(moves, session=session)


def settle_products(*, within: str) -> None:
    """Find the ancestors of every product in a category anew."""
    products, session = collection_of(Product), current_session()
    found = list(products.find({"ancestors": within}, {"categories": 1}, session=session))
    references = refer(types=[], categories={slug for row in found for slug in row["categories"]}, claim=False)
    for start in range(0, len(found), BATCH):
        batch = found[start : start + BATCH]
        updates = [
            UpdateOne({"_id": row["_id"]}, {"$set": {"ancestors": references.ancestors(row["categories"])}})
            for row in batch
        ]
        products.bulk_write(updates, session=session, ordered=False)
