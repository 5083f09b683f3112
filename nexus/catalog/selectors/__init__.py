"""Every reading of the catalog: raw rows, without making documents of them."""

from nexus.catalog.selectors.categories import get_category, list_categories
from nexus.catalog.selectors.facets import Facets, count_facets
from nexus.catalog.selectors.filters import ORDERINGS, ProductQuery, search_condition
from nexus.catalog.selectors.product_types import find_product_type, get_product_type, list_product_types
from nexus.catalog.selectors.products import find_product_by_sku, get_product, is_slug_taken, list_products

__all__ = [
    "ORDERINGS",
    "Facets",
    "ProductQuery",
    "count_facets",
    "find_product_by_sku",
    "find_product_type",
    "get_category",
    "get_product",
    "get_product_type",
    "is_slug_taken",
    "list_categories",
    "list_product_types",
    "list_products",
    "search_condition",
]
