"""Categories as clients write and read them."""

from typing import Any

from rest_framework import serializers

from nexus.catalog.api.serializers.fields import ListSerializer, SlugField
from nexus.catalog.models import CategoryRow, fields
from nexus.catalog.services import CategoryChanges, NewCategory
from nexus.web.serializers import StrictSerializer, TextField


class CategoryChangesSerializer(StrictSerializer):
    name = TextField(max_length=fields.LONGEST_NAME, required=False)
    parent = TextField(  # type: ignore[assignment]
        allow_null=True, required=False, help_text="The slug of the category above; null for none."
    )

    def changes(self) -> CategoryChanges:
        return CategoryChanges(**self.validated_data)


class NewCategorySerializer(StrictSerializer):
    slug = SlugField(help_text="Stays as it is: products refer to it.")
    name = TextField(max_length=fields.LONGEST_NAME)
    parent = TextField(  # type: ignore[assignment]
        allow_null=True, default=None, help_text="The slug of the category above."
    )

    def category(self) -> NewCategory:
        return NewCategory(**self.validated_data)


class CategorySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.SlugField()
    name = serializers.CharField()
    parent = serializers.SlugField(allow_null=True)  # type: ignore[assignment]
    path = serializers.CharField(help_text="The slugs from the top down to this one, with slashes between.")
    version = serializers.IntegerField()


class CategoryListSerializer(ListSerializer):
    results = CategorySerializer(many=True)


def show_category(row: CategoryRow) -> dict[str, Any]:
    """A category in the contract's shape."""
    return {
        "id": str(row["_id"]),
        "slug": row["slug"],
        "name": row["name"],
        "parent": row["parent"],
        "path": row["path"],
        "version": row["version"],
    }
