"""Translate in, call one service or selector, translate out."""

from nexus.catalog.api.views.categories import Categories, OneCategory
from nexus.catalog.api.views.product_types import OneProductType, ProductTypes
from nexus.catalog.api.views.products import OneProduct, Products

__all__ = ["Categories", "OneCategory", "OneProduct", "OneProductType", "ProductTypes", "Products"]
