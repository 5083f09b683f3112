"""Products as clients write them."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from nexus.catalog.api.serializers.fields import AmountField, AttributesField, SlugField
from nexus.catalog.models import STATUSES, fields
from nexus.catalog.services import NewMedia, NewProduct, NewVariant, ProductChanges
from nexus.contracts.money import MINOR_DIGITS, as_minor_units
from nexus.web.serializers import StrictSerializer, TextField

AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?")
SAFE_MEDIA = re.compile(r"(https://|/(?!/)|data:image/(png|jpeg|webp|gif|avif);)", re.IGNORECASE)


def minor_units(text: str, currency: str) -> int:
    """:raises ValidationError: not an amount of this currency"""
    if not AMOUNT.fullmatch(text):
        raise serializers.ValidationError('An amount such as "19.90".', code="invalid")
    try:
        return as_minor_units(Decimal(text), currency)
    except ValueError as why:
        raise serializers.ValidationError(f"{why}.", code="invalid") from None


class WritePriceSerializer(StrictSerializer):
    currency = serializers.ChoiceField(choices=sorted(MINOR_DIGITS))
    amount = AmountField()

    def validate(self, attrs: dict[str, Any]) -> tuple[str, int]:
        try:
            return attrs["currency"], minor_units(attrs["amount"], attrs["currency"])
        except serializers.ValidationError as why:
            raise serializers.ValidationError({"amount": why.detail}) from None


class WriteVariantSerializer(StrictSerializer):
    sku = TextField(max_length=fields.LONGEST_SKU)
    name = TextField(max_length=fields.LONGEST_NAME, allow_blank=True, default="")
    attributes = AttributesField(default=dict)
    prices = WritePriceSerializer(many=True, default=list)

    def validate_prices(self, prices: Sequence[tuple[str, int]]) -> dict[str, int]:
        if len(dict(prices)) != len(prices):
            raise serializers.ValidationError("One price in each currency.", code="repeated")
        return dict(prices)

    def validate(self, attrs: dict[str, Any]) -> NewVariant:
        return NewVariant(**attrs | {"prices": dict(attrs["prices"])})


class WriteMediaSerializer(StrictSerializer):
    url = TextField(max_length=4000, help_text="https, a path on this site, or an image as a data: URL.")
    alt = TextField(max_length=300, allow_blank=True, default="")

    def validate_url(self, url: str) -> str:
        if not SAFE_MEDIA.match(url):
            raise serializers.ValidationError("https, a path on this site, or an image as a data: URL.")
        return url

    def validate(self, attrs: dict[str, Any]) -> NewMedia:
        return NewMedia(**attrs)


class NewProductSerializer(StrictSerializer):
    slug = SlugField()
    name = TextField(max_length=fields.LONGEST_NAME)
    product_type = TextField(help_text="The slug of a product type.")
    description = TextField(max_length=20_000, allow_blank=True, required=False)
    categories = serializers.ListField(child=TextField(), max_length=50, required=False, help_text="Slugs.")
    attributes = AttributesField(required=False)
    media = WriteMediaSerializer(many=True, required=False)
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    variants = WriteVariantSerializer(many=True, required=False)

    def validate_categories(self, categories: list[str]) -> list[str]:
        if len(set(categories)) != len(categories):
            raise serializers.ValidationError("Each category once.", code="repeated")
        return categories

    def product(self) -> NewProduct:
        """What was asked for, once it is valid."""
        return NewProduct(**self.validated_data)


class ProductChangesSerializer(NewProductSerializer):
    """The same with nothing required at the top; inside, a variant is still a whole variant."""

    # Not `partial=True`: DRF hands that down to nested serializers, and a variant without a sku would pass.
    slug = SlugField(required=False)
    name = TextField(max_length=fields.LONGEST_NAME, required=False)
    product_type = TextField(required=False)

    def changes(self) -> ProductChanges:
        """What was asked for, once it is valid."""
        return ProductChanges(**self.validated_data)
