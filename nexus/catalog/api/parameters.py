"""The query string of the product list."""

import re
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.serializers import ValidationError

from nexus.catalog.api.serializers.products import minor_units
from nexus.catalog.models import STATUSES, fields
from nexus.catalog.selectors import ORDERINGS, ProductQuery
from nexus.contracts.errors import FieldError, Invalid
from nexus.contracts.money import MINOR_DIGITS
from nexus.web import pagination

ATTRIBUTE = re.compile(rf"attr\.{fields.ATTRIBUTE_NAME[1:-1]}")
LONGEST_TEXT = 200
MOST_ATTRIBUTES, MOST_VALUES = 10, 50
FLAGS = {"true": True, "false": False}
NAMES = frozenset(
    {"search", "category", "currency", "min_price", "max_price", "in_stock", "status", "ordering", "facets"}
)
PARAMETERS = NAMES | pagination.PARAMETERS


def is_attribute(name: str) -> bool:
    """Whether a parameter filters by an attribute: ``attr.color``."""
    return len(name) <= fields.LONGEST_ATTRIBUTE_NAME + 5 and ATTRIBUTE.fullmatch(name) is not None


def read_query(request: Request, *, statuses: tuple[str, ...]) -> ProductQuery:
    """
    What the query string asks for, of products in these statuses.

    :raises Invalid: naming the parameter at fault
    """
    currency = _one_of(request, "currency", sorted(MINOR_DIGITS))
    status = _one_of(request, "status", STATUSES)
    return ProductQuery(
        search=_text(request, "search").strip(),
        category=_text(request, "category") or None,
        currency=currency,
        min_price=_amount(request, "min_price", currency),
        max_price=_amount(request, "max_price", currency),
        in_stock=read_flag(request, "in_stock"),
        attributes=_attributes(request),
        statuses=tuple(each for each in statuses if status in (None, each)),
        ordering=_one_of(request, "ordering", ORDERINGS) or "",
    )


def read_flag(request: Request, name: str) -> bool | None:
    """:raises Invalid: neither ``true`` nor ``false``"""
    word = _one_of(request, name, FLAGS)
    return None if word is None else FLAGS[word]


def _attributes(request: Request) -> dict[str, list[str]]:
    found = {name.removeprefix("attr."): values for name, values in request.query_params.lists() if is_attribute(name)}
    if len(found) > MOST_ATTRIBUTES:
        raise _invalid("attr", f"At most {MOST_ATTRIBUTES} attributes.")
    for name, values in found.items():
        if len(values) > MOST_VALUES or any(len(value) > LONGEST_TEXT for value in values):
            raise _invalid(f"attr.{name}", f"At most {MOST_VALUES} values of {LONGEST_TEXT} characters.")
    return found


def _single(request: Request, name: str) -> str | None:
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise _invalid(name, "Once only.")
    return values[0] if values else None


def _text(request: Request, name: str) -> str:
    text = _single(request, name) or ""
    if len(text) > LONGEST_TEXT or "\0" in text:
        raise _invalid(name, f"At most {LONGEST_TEXT} characters.")
    return text


def _one_of(request: Request, name: str, allowed: Any) -> str | None:
    text = _single(request, name)
    if text is not None and text not in allowed:
        raise _invalid(name, f"One of: {', '.join(allowed)}.")
    return text


def _amount(request: Request, name: str, currency: str | None) -> int | None:
    text = _single(request, name)
    if text is None:
        return None
    try:
        return minor_units(text, currency or settings.CURRENCY)
    except ValidationError as why:
        raise _invalid(name, str(why.detail[0])) from None  # type: ignore[index]


def _invalid(name: str, message: str) -> Invalid:
    return Invalid(f"{name}: {message}", errors=[FieldError(field=name, code="invalid", message=message)])


def _parameter(name: str, description: str, kind: type = str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description, **more)


PAGING = [
    OpenApiParameter(
        "page_size",
        {"type": "integer", "minimum": 1, "maximum": pagination.LARGEST_SIZE, "default": pagination.DEFAULT_SIZE},
        OpenApiParameter.QUERY,
    ),
    _parameter("cursor", "Comes in `next` and `previous`; to be followed as it is."),
]
_money: dict[str, Any] = {"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,3})?$"}
LISTING = [
    _parameter("search", "Words of name, description, attribute values or skus; every word has to occur."),
    _parameter("category", "A slug; products of the categories below it included."),
    _parameter(
        "currency", "Only products with a price in it; what prices mean. Else the shop's.", enum=sorted(MINOR_DIGITS)
    ),
    OpenApiParameter("min_price", _money, OpenApiParameter.QUERY, description="Of a product's lowest price."),
    OpenApiParameter("max_price", _money, OpenApiParameter.QUERY, description="Of a product's lowest price."),
    _parameter("in_stock", "Whether any variant is in stock.", enum=["true", "false"]),
    _parameter("status", "For holders of `catalog:write`; the public sees what is published.", enum=STATUSES),
    _parameter("ordering", "Without it: relevance with `search`, else newest.", enum=ORDERINGS),
    _parameter("facets", "true adds exact counts; each under every filter but its own.", enum=["true", "false"]),
    OpenApiParameter(
        "attr.{name}",
        {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        OpenApiParameter.QUERY,
        description="`attr.color=red&attr.color=blue&attr.size=M`: any value of a name will do, every name has to fit.",
        explode=True,
        style="form",
    ),
    *PAGING,
]
