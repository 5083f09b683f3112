"""The documents of the catalog, and the raw rows that reads hand out."""

from nexus.catalog.models.bus import DeadLetter, LoggedEvent
from nexus.catalog.models.category import Category, CategoryRow
from nexus.catalog.models.product import (
    PUBLISHED,
    STATUSES,
    Availability,
    AvailabilityRow,
    Media,
    Price,
    PriceRow,
    Product,
    ProductRow,
    Variant,
    VariantRow,
)
from nexus.catalog.models.product_type import KINDS, PLACES, AttributeDefinition, AttributeRow, ProductType, TypeRow

__all__ = [
    "KINDS",
    "PLACES",
    "PUBLISHED",
    "STATUSES",
    "AttributeDefinition",
    "AttributeRow",
    "Availability",
    "AvailabilityRow",
    "Category",
    "CategoryRow",
    "DeadLetter",
    "LoggedEvent",
    "Media",
    "Price",
    "PriceRow",
    "Product",
    "ProductRow",
    "ProductType",
    "TypeRow",
    "Variant",
    "VariantRow",
]
