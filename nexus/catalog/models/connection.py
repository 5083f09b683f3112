"""The connection to MongoDB: opened on first use, and never waiting long for a server that is not there."""

from typing import Any

import mongoengine
from django.conf import settings
from mongoengine.connection import get_connection, get_db
from pymongo.collection import Collection
from pymongo.database import Database

from nexus.eventbus.stores.mongo import MongoStore

ALIAS, WHOLE = "catalog", "catalog, read whole"
RETIRED_SKUS, IDEMPOTENCY_KEYS = "retired_skus", "idempotency_keys"
"""Collections without a document class: nobody but one module each reads them."""
PATIENCE = {"serverSelectionTimeoutMS": 2000, "connectTimeoutMS": 2000, "timeoutMS": 2500}
"""Finding the server and one operation take 2.5 s at most, unless inside a `pymongo.timeout` of its own."""
PATIENCE_WITH_ALL = {"serverSelectionTimeoutMS": 2000, "connectTimeoutMS": 2000, "socketTimeoutMS": 60_000}
"""Reading all there is takes as long as it takes, but each of its many answers has to come within a minute."""


def register() -> None:
    """Tell mongoengine where the database is; nothing is connected before the first use, so forks are safe."""
    usual = {"host": settings.MONGO_URL, "connect": False, "uuidRepresentation": "standard", "tz_aware": True}
    for alias, patience in ((ALIAS, PATIENCE), (WHOLE, PATIENCE_WITH_ALL)):
        mongoengine.register_connection(alias, **usual, **patience)


def database() -> Database[dict[str, Any]]:
    return get_db(ALIAS)


def database_read_whole() -> Database[dict[str, Any]]:
    """The same, for whoever checks or makes anew all that is in it: a request would have been given up long before."""
    return get_db(WHOLE)


def collection_of(document: type[mongoengine.Document], *, whole: bool = False) -> Collection[dict[str, Any]]:
    """
    The collection behind a document class, for reads of raw rows and for writes inside a transaction; `whole`: for
    reads and writes of all of it.
    """
    return (database_read_whole() if whole else database())[document._meta["collection"]]


def ping() -> None:
    """:raises PyMongoError: the server does not answer"""
    get_connection(ALIAS).admin.command("ping")


store = MongoStore(database, whole=database_read_whole)
