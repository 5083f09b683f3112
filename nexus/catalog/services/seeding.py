"""The catalog of a made-up shop; what is there already is left as it is."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from nexus.catalog.models import Product
from nexus.catalog.models.connection import collection_of
from nexus.catalog.services.batches import add_products
from nexus.catalog.services.categories import create_category
from nexus.catalog.services.demo import demo_categories, demo_product_types, demo_products
from nexus.catalog.services.drafts import NewProduct
from nexus.catalog.services.product_types import create_product_type
from nexus.contracts.errors import Conflict
from nexus.contracts.seeding import Progress, SeedPlan

BATCH = 500


def fill_catalog(plan: SeedPlan) -> Progress:
    """Add the categories, product types and products that are missing."""
    for category in demo_categories():
        with suppress(Conflict):
            create_category(category=category)
    for product_type in demo_product_types():
        with suppress(Conflict):
            create_product_type(product_type=product_type)
    products, done = demo_products(count=plan.products, seed=plan.seed), 0
    while batch := list(islice(products, BATCH)):
        add_products(_missing(batch))
        done += len(batch)
        yield done, plan.products


def _missing(batch: Sequence[NewProduct]) -> list[NewProduct]:
    slugs = {"slug": {"$in": [product.slug for product in batch]}}
    known = {row["slug"] for row in collection_of(Product).find(slugs, {"slug": 1})}
    return [product for product in batch if product.slug not in known]
