"""The OpenAPI document and the answers."""

from typing import Any

from rest_framework import serializers as drf

from nexus.catalog.api.serializers import CategorySerializer, ProductSerializer, ProductTypeSerializer

from .test_api import LAMP


class TestWhatIsDescribed:
    """The OpenAPI serializers and the functions that make the answers say the same."""

    def test_is_what_is_answered(self, staff):
        staff.post("/api/v1/products", LAMP)

        for url, serializer in [
            ("/api/v1/products/alva", ProductSerializer()),
            ("/api/v1/categories/home", CategorySerializer()),
            ("/api/v1/product-types/lamp", ProductTypeSerializer()),
        ]:
            assert_same_shape(staff.get(url).json(), serializer)

    def test_is_a_valid_document(self, api):
        document = api.get("/api/schema", headers={"Accept": "application/json"}).json()

        paths = [path for path in document["paths"] if "/products" in path or "/categories" in path]
        assert len(paths) == 4
        assert document["paths"]["/api/v1/products"]["post"]["requestBody"]["content"]["application/json"]["examples"]


def assert_same_shape(value: Any, described: drf.BaseSerializer[Any] | drf.Field[Any, Any, Any, Any]) -> None:
    if isinstance(described, drf.ListSerializer):
        for each in value:
            assert_same_shape(each, described.child)
    elif isinstance(described, drf.Serializer):
        assert value.keys() == described.fields.keys()
        for name, field in described.fields.items():
            assert_same_shape(value[name], field)
