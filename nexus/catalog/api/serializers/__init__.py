"""What goes in and what comes out, in the names of the HTTP contract."""

from nexus.catalog.api.serializers.categories import (
    CategoryChangesSerializer,
    CategoryListSerializer,
    CategorySerializer,
    NewCategorySerializer,
)
from nexus.catalog.api.serializers.product_types import (
    NewProductTypeSerializer,
    ProductTypeChangesSerializer,
    ProductTypeListSerializer,
    ProductTypeSerializer,
)
from nexus.catalog.api.serializers.products import NewProductSerializer, ProductChangesSerializer
from nexus.catalog.api.serializers.shown import ProductListSerializer, ProductSerializer

__all__ = [
    "CategoryChangesSerializer",
    "CategoryListSerializer",
    "CategorySerializer",
    "NewCategorySerializer",
    "NewProductSerializer",
    "NewProductTypeSerializer",
    "ProductChangesSerializer",
    "ProductListSerializer",
    "ProductSerializer",
    "ProductTypeChangesSerializer",
    "ProductTypeListSerializer",
    "ProductTypeSerializer",
]
