"""What is for sale."""

from datetime import UTC, datetime
from typing import Any, TypedDict
from uuid import UUID

import mongoengine as me
from django.conf import settings

from nexus.catalog.models import fields
from nexus.catalog.models.connection import ALIAS
from nexus.contracts.base import uuid7
from nexus.contracts.money import MINOR_DIGITS

STATUSES = ("draft", "published", "archived")
PUBLISHED = "published"


class PriceRow(TypedDict):
    """`amount` in minor units."""

    currency: str
    amount: int


class AvailabilityRow(TypedDict):
    """The last stock level that was heard; `version` is its version, -1 before the first."""

    in_stock: bool
    available: int
    as_of: datetime | None
    version: int


class VariantRow(TypedDict):
    sku: str
    name: str
    attributes: dict[str, Any]
    prices: list[PriceRow]
    availability: AvailabilityRow


class MediaRow(TypedDict):
    url: str
    alt: str


class ProductRow(TypedDict):
    """
    A product as stored.

    Derived, for filters that are exact and fast: `ancestors` (its categories and all above them), `tokens` (every
    attribute value of it and its variants as ``name=value``), `price` (the lowest by currency), `sort_name` and
    `keywords`.
    """

    _id: UUID
    slug: str
    name: str
    description: str
    product_type: str
    categories: list[str]
    attributes: dict[str, Any]
    media: list[MediaRow]
    status: str
    variants: list[VariantRow]
    created_at: datetime
    updated_at: datetime
    version: int
    ancestors: list[str]
    tokens: list[str]
    keywords: list[str]
    price: dict[str, int]
    sort_name: str


class Price(me.EmbeddedDocument):
    currency = me.StringField(required=True, choices=tuple(MINOR_DIGITS))
    amount = me.IntField(required=True, min_value=0, max_value=10**12)


class Availability(me.EmbeddedDocument):
    in_stock = me.BooleanField(default=False)
    available = me.IntField(default=0)
    as_of = me.DateTimeField(null=True)
    version = me.IntField(default=-1)


class Variant(me.EmbeddedDocument):
    sku = fields.sku()
    name = fields.name(required=False, default="")
    attributes = me.DictField()
    prices = me.EmbeddedDocumentListField(Price)
    availability = me.EmbeddedDocumentField(Availability, default=Availability)


class Media(me.EmbeddedDocument):
    url = me.StringField(required=True, max_length=4000)
    alt = me.StringField(max_length=300, default="")


def _now() -> datetime:
    return datetime.now(UTC)


def _list_indexes() -> list[Any]:
    """Every ordering, below the status that each list asks for, and below a category as well."""
    price = f"price.{settings.CURRENCY}"
    orders = [("sort_name", "id"), ("-created_at", "-id"), (price, "id")]
    return [("status", *order) for order in orders] + [("status", "ancestors", *order) for order in orders]


class Product(me.Document):
    """Everything about a product in one document; `version` rises with every change except of availability."""

    id = me.UUIDField(primary_key=True, default=uuid7)
    slug = fields.slug()
    name = fields.name()
    description = me.StringField(max_length=20_000, default="")
    product_type = me.StringField(required=True)
    categories = me.ListField(me.StringField(), max_length=50)
    attributes = me.DictField()
    media = me.EmbeddedDocumentListField(Media, max_length=50)
    status = me.StringField(required=True, choices=STATUSES, default="draft")
    variants = me.EmbeddedDocumentListField(Variant, max_length=200)
    created_at = me.DateTimeField(default=_now)
    updated_at = me.DateTimeField(default=_now)
    version = me.IntField(required=True, default=1)
    ancestors = me.ListField(me.StringField())
    tokens = me.ListField(me.StringField())
    keywords = me.ListField(me.StringField())
    price = me.DictField()
    sort_name = me.StringField()

    meta = {
        "collection": "products",
        "db_alias": ALIAS,
        "auto_create_index": False,
        "indexes": [
            {"fields": ["slug"], "unique": True},
            {"fields": ["variants.sku"], "unique": True, "sparse": True},
            *_list_indexes(),
            ("status", "tokens"),
            ("status", "variants.availability.in_stock"),
            ("product_type",),
            ("ancestors",),
            ("-updated_at", "-id"),
            ("sort_name", "id"),
            {
                "name": "search",
                "fields": ["$name", "$keywords", "$variants.sku", "$description"],
                "weights": {"name": 10, "keywords": 5, "variants.sku": 5, "description": 1},
                "default_language": "english",
                # An attribute that happens to be called "language" must not choose the stemmer.
                "language_override": "text_language",
            },
        ],
    }
