"""
Goods, stock and customers, through the shop's own services: ``python -m benchmarks.goods``, in the shop's environment.

Relay and workers must be running: items, prices and stock hints follow from what is told. Prints the skus as JSON.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice

import django

django.setup()

from nexus.accounts.services.seeding import fill_customers
from nexus.catalog.models.connection import database
from nexus.catalog.services import add_products, prepare
from nexus.catalog.services.demo import demo_products
from nexus.catalog.services.drafts import NewProduct
from nexus.catalog.services.seeding import fill_catalog
from nexus.contracts.seeding import SeedPlan
from nexus.inventory.models import Item
from nexus.inventory.services import receive_stock
from nexus.orders.models import Price, StockHint

PAGE = 5000
MANY = 50_000
"""Products at once."""
NEEDED = {"_id_", "slug_1", "variants.sku_1"}
"""Indexes that tell products apart, and by which their levels find them."""
PATIENCE = 600.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--products", type=int, default=1000)
    parser.add_argument("--customers", type=int, default=0)
    parser.add_argument("--stock", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=0, help="leave out so many products that are there already")
    parser.add_argument("--tag", default="", help="ends slugs and skus, so that they are new ones")
    given = parser.parse_args()
    if given.customers:
        list(fill_customers(SeedPlan(seed=1, products=0, customers=given.customers, orders=0)))
    _describe()
    if wait_with_indexes := given.products - given.first > MANY:
        _drop_indexes()
    products = islice(_products(given.products, given.tag), given.first, None)
    skus: list[list[str]] = []
    slugs: list[str] = []
    while page := list(islice(products, PAGE)):
        add_products(page)
        # Only now, for what was told of the page before was on its way meanwhile.
        if skus:
            _receive(skus[-1], given.stock)
        skus.append([product.variants[0].sku for product in page])
        slugs += [product.slug for product in page]
    if skus:
        _receive(skus[-1], given.stock)
    for each in skus:
        _wait_until_for_sale(each, given.stock)
    if wait_with_indexes:
        prepare()
    print(json.dumps({"skus": list(chain(*skus)), "slugs": slugs}))


def _products(count: int, tag: str) -> Iterator[NewProduct]:
    """The demo's products, all for sale, one sku each."""
    for product in demo_products(count=count):
        variant = product.variants[0]
        named = replace(variant, sku=f"{variant.sku}{tag}")
        yield replace(product, slug=f"{product.slug}{tag.lower()}", status="published", variants=(named,))


def _describe() -> None:
    """Categories and product types, as the demo has them."""
    list(fill_catalog(SeedPlan(seed=1, products=0, customers=0, orders=0)))


def _drop_indexes() -> None:
    """As any load in bulk: to sort a million keys once is quicker than to find the place of each."""
    products = database()["products"]
    for name in set(products.index_information()) - NEEDED:
        products.drop_index(name)


def _receive(skus: list[str], quantity: int) -> None:
    _wait_for(lambda: Item.objects.using("inventory").filter(sku__in=skus).count() == len(skus))
    receive_stock(dict.fromkeys(skus, quantity), note="for the benchmark")


def _wait_until_for_sale(skus: list[str], quantity: int) -> None:
    _wait_for(lambda: Price.objects.using("orders").filter(sku__in=skus).count() == len(skus))
    hints = StockHint.objects.using("orders").filter(sku__in=skus, available=quantity)
    _wait_for(lambda: hints.count() == len(skus))


def _wait_for(arrived: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not arrived():
        if time.monotonic() > deadline:
            raise TimeoutError("what was told did not arrive")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
