"""A catalog with a lamp type, a shirt type and a small tree, empty of products before each test."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from nexus.catalog import services
from nexus.catalog.models.connection import database, store
from nexus.catalog.services import NewAttribute, NewCategory, NewProduct, NewProductType, NewVariant
from nexus.contracts.base import Envelope, Event
from nexus.contracts.catalog import OfferChanged
from nexus.eventbus.wire import envelope_of

LAMP = NewProductType(
    slug="lamp",
    name="Lamp",
    attributes=[
        NewAttribute(name="dimmable", kind="boolean"),
        NewAttribute(name="height", kind="measure", unit="cm"),
        NewAttribute(name="finish", kind="choice", choices=["black", "brass"], on="variant"),
    ],
)
SHIRT = NewProductType(
    slug="shirt",
    name="Shirt",
    attributes=[
        NewAttribute(name="color", kind="choice", choices=["blue", "green", "red"], on="variant"),
        NewAttribute(name="size", kind="choice", choices=["S", "M", "L"], on="variant", required=True),
        NewAttribute(name="care", kind="multi-choice", choices=["cold", "warm", "iron"]),
        NewAttribute(name="weight", kind="number"),
        NewAttribute(name="brand", kind="text"),
        NewAttribute(name="since", kind="date"),
    ],
)
TREE = [("home", None), ("lighting", "home"), ("desk-lamps", "lighting"), ("clothing", None), ("shirts", "clothing")]


@pytest.fixture(scope="session")
def _prepared() -> None:
    services.prepare()


@pytest.fixture(autouse=True)
def catalog(_prepared: None) -> None:
    for name in database().list_collection_names():
        database()[name].delete_many({})
    store.prepare()
    for product_type in (LAMP, SHIRT):
        services.create_product_type(product_type=product_type)
    for slug, parent in TREE:
        services.create_category(category=NewCategory(slug=slug, name=slug.capitalize(), parent=parent))


def a_lamp(**changes: Any) -> NewProduct:
    """A published lamp with one variant for 79.00 EUR."""
    wanted: dict[str, Any] = {
        "slug": "alva",
        "name": "Alva desk lamp",
        "product_type": "lamp",
        "categories": ["desk-lamps"],
        "status": "published",
        "variants": [a_variant("ALVA-BRASS", name="Brass", attributes={"finish": "brass"})],
    }
    return NewProduct(**wanted | changes)


def a_variant(sku: str, **changes: Any) -> NewVariant:
    return NewVariant(**{"sku": sku, "prices": {"EUR": 7900}} | changes)


def offers() -> list[Envelope[OfferChanged]]:
    """What was told, oldest first."""
    log = database()["event_log"].find().sort("_id", 1)
    told: list[Envelope[Event]] = [
        envelope_of(record)
        for subject in dict.fromkeys(row["subject"] for row in log)
        for record in store.stream(subject)
    ]
    return told  # type: ignore[return-value]


@pytest.fixture
def staff(api: APIClient, bearer: Callable[..., dict[str, str]]) -> APIClient:
    """A client that may change the catalog."""
    api.credentials(**bearer(scope="catalog:write"))
    return api


def at_once(*works: Any) -> list[Any]:
    """Run these at the same moment; what each returned or raised."""
    outcomes: list[Any] = [None] * len(works)
    ready = threading.Barrier(len(works))

    def run(position: int) -> None:
        ready.wait()
        try:
            outcomes[position] = works[position]()
        except Exception as why:  # noqa: BLE001
            outcomes[position] = why

    threads = [threading.Thread(target=run, args=[position]) for position in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
