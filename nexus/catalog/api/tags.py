"""
Entity tags of catalog resources: ``"<version>-<rest>"``.

The rest is about what changes without anybody editing, such as availability: a cached copy is stale when it differs.
An edit is not: ``If-Match`` asks whether somebody else edited, which the version alone tells, or trade in the shop
would refuse every second edit of its staff.
"""

from typing import Protocol

from rest_framework.request import Request

from nexus.catalog.exceptions import StaleDocument
from nexus.catalog.models import ProductRow
from nexus.web.views import etag_of


class Versioned(Protocol):
    def __getitem__(self, name: str, /) -> object: ...


def product_tag(row: ProductRow) -> str:
    return _tag(row["version"], row["_id"], [variant["availability"]["version"] for variant in row["variants"]])


def plain_tag(row: Versioned) -> str:
    """Of a category or a product type: nothing of it changes but by edits."""
    return _tag(row["version"], row["_id"])


def matched_version(request: Request, row: Versioned) -> int | None:
    """
    The version that a change has to find, None when the client does not care.

    :raises StaleDocument: ``If-Match`` names other versions than the present one
    """
    given = [tag.strip().strip('"') for tag in request.headers.get("If-Match", "").split(",") if tag.strip()]
    if not given or "*" in given:
        return None
    version = row["version"]
    assert isinstance(version, int)
    if str(version) not in {tag.partition("-")[0] for tag in given}:
        raise StaleDocument
    return version


def _tag(version: object, *rest: object) -> str:
    return f'"{version}-{etag_of(*rest)[1:-1]}"'
