"""Every change of the catalog. A change and what is told about it are one transaction."""

from nexus.catalog.services.answers import answers
from nexus.catalog.services.availability import show_stock_levels
from nexus.catalog.services.batches import add_products
from nexus.catalog.services.categories import change_category, create_category, delete_category
from nexus.catalog.services.drafts import (
    UNSET,
    CategoryChanges,
    NewAttribute,
    NewCategory,
    NewMedia,
    NewProduct,
    NewProductType,
    NewVariant,
    ProductChanges,
    ProductTypeChanges,
    Unset,
)
from nexus.catalog.services.preparation import prepare
from nexus.catalog.services.product_types import (
    change_product_type,
    check_product_type,
    create_product_type,
    delete_product_type,
)
from nexus.catalog.services.products import change_product, check_product, create_product, delete_product
from nexus.catalog.services.replay import replay_dead_letter

__all__ = [
    "UNSET",
    "CategoryChanges",
    "NewAttribute",
    "NewCategory",
    "NewMedia",
    "NewProduct",
    "NewProductType",
    "NewVariant",
    "ProductChanges",
    "ProductTypeChanges",
    "Unset",
    "add_products",
    "answers",
    "change_category",
    "change_product",
    "change_product_type",
    "check_product",
    "check_product_type",
    "create_category",
    "create_product",
    "create_product_type",
    "delete_category",
    "delete_product",
    "delete_product_type",
    "prepare",
    "replay_dead_letter",
    "show_stock_levels",
]
