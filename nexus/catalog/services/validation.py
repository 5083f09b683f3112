"""mongoengine's judgement of a row, and MongoDB's of its uniqueness, as errors that name fields."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import mongoengine as me
from pymongo.errors import BulkWriteError, DuplicateKeyError

from nexus.catalog.exceptions import SkuTaken, SlugTaken
from nexus.contracts.errors import FieldError, NexusError
from nexus.eventbus.stores.mongo import DUPLICATE_KEY


def document_errors(document: type[me.Document], row: Mapping[str, Any]) -> Iterator[FieldError]:
    """What the document class finds wrong with a row: lengths, patterns, choices."""
    try:
        document._from_son(dict(row)).validate()
    except me.ValidationError as wrong:
        yield from _flat(wrong.to_dict())


def _flat(errors: Any, path: str = "") -> Iterator[FieldError]:
    if not isinstance(errors, Mapping):
        yield FieldError(field=path, code="invalid", message=f"{errors}.".replace("..", "."))
        return
    for name, inner in errors.items():
        yield from _flat(inner, f"{path}.{name}".lstrip("."))


@contextmanager
def told_when_taken() -> Iterator[None]:
    """
    Turn a broken unique index into the refusal that it stands for.

    :raises SlugTaken: the slug is another's
    :raises SkuTaken: a sku is another product's
    """
    try:
        yield
    except DuplicateKeyError as clash:
        raise _taken(clash.details or {}) from clash
    except BulkWriteError as clash:
        # Anything else keeps its error labels, by which the driver retries the transaction.
        if clash.details["writeErrors"] and clash.details["writeErrors"][0]["code"] == DUPLICATE_KEY:
            raise _taken(clash.details["writeErrors"][0]) from clash
        raise


def _taken(details: Mapping[str, Any]) -> NexusError:
    (name, value), *_ = details["keyValue"].items()
    if name == "variants.sku":
        message = f"The sku {value} belongs to another product."
        return SkuTaken(message, errors=[FieldError(field="variants", code="sku_taken", message=message)])
    message = f"The slug {value} is taken."
    return SlugTaken(message, errors=[FieldError(field="slug", code="slug_taken", message=message)])
