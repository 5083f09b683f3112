"""A shop in one process that has traded: every kind of order, every store with something in it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django_redis import get_redis_connection

from nexus.catalog import services as catalog
from nexus.catalog.models.connection import database, store
from nexus.eventbus import bus
from nexus.inventory import cache
from nexus.inventory import services as inventory
from nexus.inventory.models import Location
from nexus.orders import services as orders
from nexus.orders.selectors import OrderView

DATABASES = ["default", "orders", "inventory"]


def buy(*, key: str = "", **quantities: int) -> OrderView:
    lines = [orders.Line(sku=sku, quantity=n, position=at) for at, (sku, n) in enumerate(quantities.items())]
    claim = orders.Claim(key=key, fingerprint="f") if key else None
    return orders.place_order(customer_id=uuid4(), lines=lines, currency="EUR", claim=claim).order


def open_catalog() -> None:
    """Two published products in a small tree, nothing else."""
    for name in database().list_collection_names():
        database()[name].delete_many({})
    store.prepare()
    attributes = [catalog.NewAttribute(name="finish", kind="choice", choices=["black", "brass"], on="variant")]
    catalog.create_product_type(product_type=catalog.NewProductType(slug="lamp", name="Lamp", attributes=attributes))
    for slug, parent in (("home", None), ("lamps", "home")):
        catalog.create_category(category=catalog.NewCategory(slug=slug, name=slug, parent=parent))
    for sku, finish in (("LAMP", "brass"), ("SHADE", "black")):
        variant = catalog.NewVariant(sku=sku, prices={"EUR": 1990}, attributes={"finish": finish})
        catalog.create_product(
            product=catalog.NewProduct(
                slug=sku.lower(),
                name=sku.title(),
                product_type="lamp",
                categories=["lamps"],
                status="published",
                variants=[variant],
            )
        )


def trade() -> None:
    """An order of each fate."""
    inventory.receive_stock({"LAMP": 20, "SHADE": 3})
    bus.drain()
    fates = [buy(LAMP=1, key="one"), buy(LAMP=2), buy(LAMP=1, SHADE=1), buy(SHADE=3), buy(LAMP=1)]
    bus.drain()
    orders.cancel_order(order_id=fates[0].id)
    orders.ship_order(order_id=fates[1].id)
    for step in (orders.ship_order, orders.deliver_order, orders.return_order):
        step(order_id=fates[2].id)
    bus.drain()
    # A chore: with the shop running, it is done every second.
    inventory.announce_levels()
    bus.drain()


@pytest.fixture(scope="session")
def _indexed() -> None:
    catalog.prepare()


@pytest.fixture
def traded(_indexed: None) -> Iterator[None]:
    get_redis_connection("default").flushdb()
    cache.wake()
    Location.objects.get_or_create(code="main", defaults={"name": "Main warehouse", "rank": 0})
    open_catalog()
    bus.drain()
    trade()
    yield
    for name in database().list_collection_names():
        database()[name].delete_many({})
