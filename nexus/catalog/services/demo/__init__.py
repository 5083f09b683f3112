"""A made-up shop that looks like one: the same for the same seed, as large as is asked for."""

from nexus.catalog.services.demo.goods import demo_products
from nexus.catalog.services.demo.kinds import demo_product_types
from nexus.catalog.services.demo.tree import demo_categories

__all__ = ["demo_categories", "demo_product_types", "demo_products"]
