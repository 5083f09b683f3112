"""The made-up shop."""

from collections import Counter

from nexus.catalog import selectors, services
from nexus.catalog.models.connection import database, store
from nexus.catalog.selectors import ProductQuery
from nexus.catalog.services.demo import demo_categories, demo_product_types, demo_products
from nexus.contracts.paging import Page


def fill(count: int) -> None:
    for name in database().list_collection_names():
        database()[name].delete_many({})
    store.prepare()
    for product_type in demo_product_types():
        services.create_product_type(product_type=product_type)
    for category in demo_categories():
        services.create_category(category=category)
    services.add_products(list(demo_products(count=count, seed=1)))


class TestDemoProducts:
    def test_are_the_same_for_the_same_seed(self):
        assert list(demo_products(count=200, seed=7)) == list(demo_products(count=200, seed=7))
        assert list(demo_products(count=200, seed=7)) != list(demo_products(count=200, seed=8))

    def test_begin_alike_however_many_are_asked_for(self):
        assert list(demo_products(count=50, seed=7)) == list(demo_products(count=500, seed=7))[:50]

    def test_are_of_many_kinds_and_have_their_own_slugs_and_skus(self):
        products = list(demo_products(count=2000, seed=1))

        skus = Counter(variant.sku for product in products for variant in product.variants)
        assert len({product.slug for product in products}) == 2000
        assert set(skus.values()) == {1}
        assert len({product.product_type for product in products}) >= 6
        assert all(variant.prices.keys() == {"EUR", "USD"} for product in products for variant in product.variants)

    def test_pass_every_check_of_the_catalog(self):
        fill(800)

        found = selectors.list_products(query=ProductQuery(search="lamp", category="lighting"), page=Page())
        assert found.items
        assert database()["products"].count_documents({}) == 800
