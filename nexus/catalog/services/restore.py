"""
What products hold beside what staff wrote, made again: what they are found by from the rest of the document, what is
left of them from inventory's log.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from pymongo import UpdateOne

from nexus.catalog.models import Category, CategoryRow, Product, ProductRow
from nexus.catalog.models.connection import collection_of, store
from nexus.catalog.services.composition import UNHEARD, Derived, derived, draft_of
from nexus.catalog.services.references import References, refer
from nexus.eventbus.stores.mongo import current_session

PAGE = 500
PATIENCE = 30.0
"""Seconds that one page may take: whoever edits a product of it makes it begin anew."""
FOUND_BY = tuple(Derived.__annotations__)


def rebuild_search_data() -> Iterator[int]:
    """Make every product be found by what it says, a page to a transaction; the sizes of the pages."""
    for page in _pages():
        store.transact(partial(_correct, [row["_id"] for row in page]), within=PATIENCE)
        yield len(page)


def drop_search_data() -> None:
    """Let no product be found."""
    collection_of(Product, whole=True).update_many({}, {"$unset": dict.fromkeys(FOUND_BY, "")})


def drop_availability() -> None:
    """Forget what is left of everything."""
    collection_of(Product, whole=True).update_many({}, {"$set": {"variants.$[].availability": UNHEARD}})


def wrong_search_data() -> Iterator[tuple[str, str]]:
    """Products that are found by something else than what they say."""
    for page in _pages():
        references = _references()
        for row in page:
            right: dict[str, Any] = dict(derived(draft_of(row), references=references))
            if wrong := [name for name in FOUND_BY if row.get(name) != right[name]]:
                yield row["slug"], f"{', '.join(wrong)} not as the product says"


def _correct(ids: Sequence[UUID]) -> None:
    session = current_session()
    rows: list[Any] = list(collection_of(Product).find({"_id": {"$in": list(ids)}}, session=session))
    # Claimed, so that none of these categories moves while products are told where they stand.
    references = refer(types=[], categories={slug for row in rows for slug in row["categories"]}, claim=True)
    updates = []
    for row in rows:
        right = derived(draft_of(row), references=references)
        if right != {name: row.get(name) for name in FOUND_BY}:
            updates.append(UpdateOne({"_id": row["_id"]}, {"$set": right}))
    if updates:
        collection_of(Product).bulk_write(updates, ordered=False, session=session)


def _pages() -> Iterator[list[ProductRow]]:
    rows: Iterator[Any] = iter(collection_of(Product, whole=True).find().sort("_id", 1))
    while page := list(islice(rows, PAGE)):
        yield page


def _references() -> References:
    rows: list[CategoryRow] = list(collection_of(Category, whole=True).find())  # type: ignore[arg-type]
    return References(types={}, paths={row["slug"]: row["path"] for row in rows})
