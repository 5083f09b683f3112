"""Product types as clients write and read them."""

from typing import Any

from rest_framework import serializers

from nexus.catalog.api.serializers.fields import BooleanField, ListSerializer, SlugField
from nexus.catalog.models import KINDS, PLACES, TypeRow, fields
from nexus.catalog.services import NewAttribute, NewProductType, ProductTypeChanges
from nexus.web.serializers import StrictSerializer, TextField


class WriteAttributeSerializer(StrictSerializer):
    name = serializers.RegexField(
        fields.ATTRIBUTE_NAME, max_length=fields.LONGEST_ATTRIBUTE_NAME, help_text="Small letters, digits and _."
    )
    label = TextField(max_length=fields.LONGEST_NAME, allow_blank=True, default="")  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=KINDS)
    unit = TextField(max_length=20, allow_blank=True, default="", help_text="Of a measure, such as cm.")
    required = BooleanField(default=False)  # type: ignore[assignment]
    choices = serializers.ListField(child=TextField(max_length=100), max_length=200, default=list)
    on = serializers.ChoiceField(choices=PLACES, default="product", help_text="Who has the value.")

    def validate(self, attrs: dict[str, Any]) -> NewAttribute:
        return NewAttribute(**attrs)


class NewProductTypeSerializer(StrictSerializer):
    slug = SlugField(help_text="Stays as it is: products refer to it.")
    name = TextField(max_length=fields.LONGEST_NAME)
    attributes = WriteAttributeSerializer(many=True, default=list)

    def product_type(self) -> NewProductType:
        return NewProductType(**self.validated_data)


class ProductTypeChangesSerializer(StrictSerializer):
    name = TextField(max_length=fields.LONGEST_NAME, required=False)
    attributes = WriteAttributeSerializer(many=True, required=False)

    def changes(self) -> ProductTypeChanges:
        return ProductTypeChanges(**self.validated_data)


class AttributeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=KINDS)
    unit = serializers.CharField(allow_blank=True)
    required = serializers.BooleanField()  # type: ignore[assignment]
    choices = serializers.ListField(child=serializers.CharField())
    on = serializers.ChoiceField(choices=PLACES)


class ProductTypeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.SlugField()
    name = serializers.CharField()
    attributes = AttributeSerializer(many=True)
    version = serializers.IntegerField()


class ProductTypeListSerializer(ListSerializer):
    results = ProductTypeSerializer(many=True)


def show_product_type(row: TypeRow) -> dict[str, Any]:
    """A product type in the contract's shape."""
    return {
        "id": str(row["_id"]),
        "slug": row["slug"],
        "name": row["name"],
        "attributes": row["attributes"],
        "version": row["version"],
    }
