"""All that a database in MongoDB holds, document by document, for whoever compares it with what it held elsewhere."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pymongo
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

LONGEST = 3600.0
"""Seconds that reading one collection may take; the catalog's own patience is that of a request."""


def collections_of(
    database: Database[dict[str, Any]], *, without: Sequence[str]
) -> Mapping[str, Callable[[], Iterator[bytes]]]:
    """By name, a way to read each collection in the order of its ids, without these fields (``products.tokens``)."""
    names = sorted(name for name in database.list_collection_names() if not name.startswith("system."))
    return {name: partial(_read, database, name, _hidden(name, without)) for name in names}


def _hidden(collection: str, without: Sequence[str]) -> dict[str, int]:
    parts = (field.partition(".") for field in without)
    return {field: 0 for name, _, field in parts if name == collection and field}


def _read(database: Database[dict[str, Any]], name: str, hidden: dict[str, int]) -> Iterator[bytes]:
    raw: Any = database.get_collection(name, codec_options=CodecOptions(document_class=RawBSONDocument))
    with pymongo.timeout(LONGEST):
        for document in raw.find({}, hidden or None).sort("_id", 1):
            yield document.raw
