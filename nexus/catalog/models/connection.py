"""The connection to MongoDB: opened on first use, and never waiting long for a server that is not there."""

from typing import Any

import mongoengine
from django.conf import settings
from mongoengine.connection import get_connection, get_db
from pymongo.collection import Collection
from pymongo.database import Database

from nexus.eventbus.stores.mongo import MongoStore

ALIAS = "catalog"
RETIRED_SKUS, IDEMPOTENCY_KEYS = "retired_skus", "idempotency_keys"
"""Collections without a document class: nobody but one module each reads them."""
PATIENCE = {"serverSelectionTimeoutMS": 2000, "connectTimeoutMS": 2000, "timeoutMS": 2500}
"""Finding the server and one operation take 2.5 s at most, unless inside a `pymongo.timeout` of its own."""


def register() -> None:
    """Tell mongoengine where the database is; nothing is connected before the first use, so forks are safe."""
    mongoengine.register_connection(
        ALIAS, host=settings.MONGO_URL, connect=False, uuidRepresentation="standard", tz_aware=True, **PATIENCE
    )


def database() -> Database[dict[str, Any]]:
    return get_db(ALIAS)


def collection_of(document: type[mongoengine.Document]) -> Collection[dict[str, Any]]:
    """The collection behind a document class, for reads of raw rows and for writes inside a transaction."""
    return database()[document._meta["collection"]]


def ping() -> None:
    """:raises PyMongoError: the server does not answer"""
    get_connection(ALIAS).admin.command("ping")


store = MongoStore(database)
