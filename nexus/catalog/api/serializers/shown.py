"""
Products as clients read them.

The answers are made by plain functions: lists of products are what the shop serves most, and DRF's serializers cost
ten times as much. The classes below describe the same answers in the OpenAPI document; a test holds the two together.
"""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from nexus.catalog.api.serializers.fields import AttributesField, ListSerializer
from nexus.catalog.models import STATUSES, ProductRow, VariantRow
from nexus.catalog.selectors import Facets
from nexus.contracts.money import MINOR_DIGITS, as_text


def show_product(row: ProductRow) -> dict[str, Any]:
    """A product in the contract's shape."""
    return {
        "id": str(row["_id"]),
        "slug": row["slug"],
        "name": row["name"],
        "description": row["description"],
        "product_type": row["product_type"],
        "categories": row["categories"],
        "attributes": row["attributes"],
        "media": row["media"],
        "status": row["status"],
        "variants": [_variant(variant) for variant in row["variants"]],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "version": row["version"],
    }


def _variant(row: VariantRow) -> dict[str, Any]:
    availability = row["availability"]
    return {
        "sku": row["sku"],
        "name": row["name"],
        "attributes": row["attributes"],
        "prices": [
            {"currency": price["currency"], "amount": as_text(price["amount"], price["currency"])}
            for price in row["prices"]
        ],
        "availability": {name: availability[name] for name in ("in_stock", "available", "as_of")},
    }


def show_facets(facets: Facets) -> dict[str, Any]:
    """Facets in the contract's shape."""

    def money(amount: int | None) -> str | None:
        return None if amount is None else as_text(amount, facets.currency)

    return {
        "categories": [{"slug": each.value, "name": each.name, "count": each.count} for each in facets.categories],
        "attributes": {
            name: [{"value": each.value, "count": each.count} for each in counts]
            for name, counts in facets.attributes.items()
        },
        "price": {
            "currency": facets.currency,
            "min": money(facets.lowest),
            "max": money(facets.highest),
            "ranges": [
                {"from": money(each.least), "below": money(each.below), "count": each.count} for each in facets.ranges
            ],
        },
    }


class PriceSerializer(serializers.Serializer[Any]):
    currency = serializers.ChoiceField(choices=sorted(MINOR_DIGITS))
    amount = serializers.CharField(help_text="With the currency's digits.")


class AvailabilitySerializer(serializers.Serializer[Any]):
    in_stock = serializers.BooleanField()
    available = serializers.IntegerField()
    as_of = serializers.DateTimeField(allow_null=True, help_text="When this was last heard, null if never.")


class VariantSerializer(serializers.Serializer[Any]):
    sku = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    attributes = AttributesField()
    prices = PriceSerializer(many=True)
    availability = AvailabilitySerializer()


class MediaSerializer(serializers.Serializer[Any]):
    url = serializers.CharField()
    alt = serializers.CharField(allow_blank=True)


class ProductSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.SlugField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    product_type = serializers.SlugField()
    categories = serializers.ListField(child=serializers.SlugField())
    attributes = AttributesField()
    media = MediaSerializer(many=True)
    status = serializers.ChoiceField(choices=STATUSES)
    variants = VariantSerializer(many=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class CategoryCountSerializer(serializers.Serializer[Any]):
    slug = serializers.SlugField()
    name = serializers.CharField()
    count = serializers.IntegerField()


class ValueCountSerializer(serializers.Serializer[Any]):
    value = serializers.CharField(help_text="What `attr.<name>` takes.")
    count = serializers.IntegerField()


class PriceRangeSerializer(serializers.Serializer[Any]):
    below = serializers.CharField(allow_null=True)
    count = serializers.IntegerField()

    def get_fields(self) -> dict[str, Any]:
        # "from" is a word of Python.
        return {"from": serializers.CharField(), **super().get_fields()}


class PriceFacetSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    min = serializers.CharField(allow_null=True)
    max = serializers.CharField(allow_null=True)
    ranges = PriceRangeSerializer(many=True)


class FacetsSerializer(serializers.Serializer[Any]):
    categories = CategoryCountSerializer(many=True)
    attributes = serializers.DictField(child=ValueCountSerializer(many=True))
    price = PriceFacetSerializer()


class ProductListSerializer(ListSerializer):
    results = ProductSerializer(many=True)
    facets = FacetsSerializer(required=False, help_text="With `facets=true` only.")


def shown(rows: Sequence[ProductRow]) -> list[dict[str, Any]]:
    return [show_product(row) for row in rows]
