"""
A database of MongoDB in files, and back: the server's own tools do not come with the wheel.

All collections are read at one instant, while others write. The server keeps the past for five minutes
(``minSnapshotHistoryWindowInSeconds``); what takes longer to read is refused, never torn.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from .errors import EmbeddedError

PAGE = 1000
INDEXES = "indexes"
LEFT_OUT = {"relay_lease"}
"""Who follows a log at the moment is nobody's business after a restore."""


def write_copy(*, url: str, folder: Path) -> int:
    """
    Write every collection of the database into files, with its indexes; how many documents it were.

    :raises EmbeddedError: the server does not answer, or has forgotten the instant by now
    """
    folder.mkdir()
    try:
        with MongoClient[Any](url, document_class=RawBSONDocument) as client, client.start_session(snapshot=True) as at:
            database = client.get_default_database()
            names = [name for name in _names(database) if name not in LEFT_OUT]
            counts = [_write(folder / f"{name}.bson", database[name].find(session=at)) for name in names]
            described = ({"collection": name, "indexes": _indexes_of(database[name])} for name in names)
            _write(folder / INDEXES, map(RawBSONDocument, map(bson.encode, described)))
    except PyMongoError as why:
        raise EmbeddedError(f"MongoDB could not be copied: {why}") from None
    return sum(counts)


def read_copy(*, url: str, folder: Path) -> int:
    """
    Fill an empty database from such files; how many documents it were.

    :raises EmbeddedError: the server does not answer, the database has something, or the files are not whole
    """
    count = 0
    try:
        with MongoClient[Any](url) as client:
            database = client.get_default_database()
            if found := _names(database):
                raise EmbeddedError(f"the database is not empty: it has {', '.join(found)}")
            for described in _documents(folder / INDEXES):
                known = bson.decode(described.raw)
                collection = database.create_collection(known["collection"])
                count += _fill(collection, _documents(folder / f"{collection.name}.bson"))
                if known["indexes"]:
                    database.command("createIndexes", collection.name, indexes=known["indexes"])
    except (PyMongoError, bson.errors.InvalidBSON, OSError) as why:
        raise EmbeddedError(f"MongoDB could not be filled from {folder}: {why}") from None
    return count


def _names(database: Any) -> list[str]:
    return sorted(name for name in database.list_collection_names() if not name.startswith("system."))


def _indexes_of(collection: Any) -> list[dict[str, Any]]:
    plain = collection.with_options(codec_options=CodecOptions(document_class=dict))
    return [dict(index) for index in plain.list_indexes() if index["name"] != "_id_"]


def _write(file: Path, documents: Iterable[RawBSONDocument]) -> int:
    count = 0
    with file.open("wb") as target:
        for document in documents:
            target.write(document.raw)
            count += 1
        target.flush()
        os.fsync(target.fileno())
    return count


def _documents(file: Path) -> Iterator[RawBSONDocument]:
    with file.open("rb") as source:
        yield from bson.decode_file_iter(source, CodecOptions(document_class=RawBSONDocument))


def _fill(collection: Any, documents: Iterator[RawBSONDocument]) -> int:
    count = 0
    while page := list(islice(documents, PAGE)):
        collection.insert_many(page)
        count += len(page)
    return count
