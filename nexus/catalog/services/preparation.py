"""What MongoDB needs before the catalog can work."""

import pymongo
from pymongo.errors import OperationFailure

from nexus.catalog.models import Category, Product, ProductType
from nexus.catalog.models.connection import IDEMPOTENCY_KEYS, RETIRED_SKUS, database, ping, store
from nexus.web.answers import LIFETIME

LONGEST = 3600.0
"""Seconds that building the indexes of a large catalog may take."""
THERE_ALREADY = 48
"""MongoDB's code for it."""


def prepare() -> None:
    """
    Create collections and indexes; again does nothing.

    :raises PyMongoError: the server does not answer
    """
    # Asked before the long patience begins: that is for building indexes, not for a server that is not there.
    ping()
    with pymongo.timeout(LONGEST):
        for name in (RETIRED_SKUS, IDEMPOTENCY_KEYS):
            _create(name)
        database()[IDEMPOTENCY_KEYS].create_index("created_at", expireAfterSeconds=int(LIFETIME.total_seconds()))
        for document in (Category, ProductType, Product):
            document.ensure_indexes()
        store.prepare()


def _create(collection: str) -> None:
    """Unless it is there: not asked before, because somebody else may be preparing at the same moment."""
    try:
        database().create_collection(collection, check_exists=False)
    except OperationFailure as failure:
        if failure.code != THERE_ALREADY:
            raise
