"""Fields that several serializers share."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from nexus.catalog.models import fields
from nexus.web.serializers import TextField


class SlugField(TextField):
    """A name in a URL."""

    default_error_messages = {"pattern": "Small letters, digits and single hyphens between them."}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=fields.LONGEST_SLUG, **options)
        self.validators.append(serializers.RegexField(fields.SLUG).validators[-1])


@extend_schema_field({"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,3})?$", "examples": ["19.90"]})
class AmountField(TextField):
    """Money as a string with at most the currency's digits."""


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "oneOf": [
                {"type": "string"},
                {"type": "number"},
                {"type": "boolean"},
                {"type": "array", "items": {"type": "string"}},
                {
                    "type": "object",
                    "properties": {"value": {"type": "number"}, "unit": {"type": "string"}},
                    "required": ["value", "unit"],
                },
            ]
        },
        "examples": [{"material": "brass", "dimmable": True, "height": {"value": 42, "unit": "cm"}}],
    }
)
class AttributesField(serializers.Field[Any, Any, Any, Any]):
    """Values by attribute name; which names there are and what they take is the product type's say."""

    default_error_messages = {"invalid": "An object of values by attribute name."}

    def to_internal_value(self, data: Any) -> Mapping[str, Any]:
        if not isinstance(data, Mapping):
            self.fail("invalid")
        return data

    def to_representation(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        return value


class BooleanField(serializers.BooleanField):
    """true or false; neither ``"yes"`` nor ``1`` is one."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class ListSerializer(serializers.Serializer[Any]):
    """The shape of every list."""

    next = serializers.URLField(allow_null=True, help_text="The next page, null on the last.")
    previous = serializers.URLField(allow_null=True, help_text="The page before, null on the first.")
