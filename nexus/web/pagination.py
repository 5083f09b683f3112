"""One shape for every list: ``{"results": […], "next": url|null, "previous": url|null}``."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core import signing
from rest_framework.request import Request

from nexus.contracts.errors import FieldError, Invalid
from nexus.contracts.paging import Keys, Page, Slice

DEFAULT_SIZE, LARGEST_SIZE = 20, 100
PARAMETERS = frozenset({"page_size", "cursor"})
_READERS: dict[str, Callable[[Any], Any]] = {
    "s": str,
    "i": int,
    "t": datetime.fromisoformat,
    "u": UUID,
    "n": lambda _: None,
}


class _Signer(signing.TimestampSigner):
    """As `signing.dumps` signs, but the same at any time: with the hour in its links no page would keep its ETag."""

    def timestamp(self) -> str:
        return "0"


def read_page(request: Request) -> Page:
    """
    The page that the query string asks for.

    :raises Invalid: ``page_size`` is not 1 to 100, or ``cursor`` is not one that this API gave
    """
    size = request.query_params.get("page_size", str(DEFAULT_SIZE))
    if not (size.isascii() and size.isdigit() and len(size) <= 3 and 1 <= int(size) <= LARGEST_SIZE):
        message = f"A whole number from 1 to {LARGEST_SIZE}."
        raise Invalid(errors=[FieldError(field="page_size", code="out_of_range", message=message)])
    cursor = request.query_params.get("cursor")
    backwards, keys = _read(cursor, request.path) if cursor else (False, None)
    return Page(size=int(size), keys=keys, backwards=backwards)


def list_body(request: Request, slice_: Slice[Any], results: Sequence[Any]) -> dict[str, Any]:
    """The answer's body, with links that keep the request's filters."""
    return {
        "results": results,
        "next": _link(request, slice_.next, backwards=False),
        "previous": _link(request, slice_.previous, backwards=True),
    }


def _link(request: Request, keys: Keys | None, *, backwards: bool) -> str | None:
    if keys is None:
        return None
    cursor = _Signer(salt=f"cursor {request.path}").sign_object([backwards, *map(_write, keys)])
    query = [(name, value) for name, values in request.query_params.lists() if name != "cursor" for value in values]
    return request.build_absolute_uri(f"{request.path}?{urlencode([*query, ('cursor', cursor)])}")


def _read(cursor: str, path: str) -> tuple[bool, Keys]:
    try:
        backwards, *keys = signing.loads(cursor, salt=f"cursor {path}")
        return bool(backwards), tuple(_READERS[kind](value) for kind, value in keys)
    except (signing.BadSignature, ValueError, KeyError, TypeError):
        message = "Not a cursor of this list: follow `next` and `previous` as they are."
        raise Invalid(errors=[FieldError(field="cursor", code="invalid", message=message)]) from None


def _write(key: Any) -> tuple[str, Any]:
    match key:
        case None:
            return "n", None
        case datetime():
            return "t", key.isoformat()
        case UUID():
            return "u", str(key)
        case int():
            return "i", key
        case _:
            return "s", str(key)
