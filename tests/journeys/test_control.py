"""Control runs: with a guard taken away, the checks that the other tests rest on see the damage."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from django.db import connections, transaction
from rest_framework.test import APIClient

from nexus.contracts.catalog import OfferChanged
from nexus.contracts.correlation import NO_CAUSE
from nexus.eventbus import bus
from nexus.eventbus.stores.base import ConcurrentChange
from nexus.inventory import services as inventory
from nexus.inventory.models import Location, Stock
from nexus.inventory.services import stockroom
from nexus.orders import services as orders
from nexus.orders.models import Order
from tests.conftest import Bearer

pytestmark = pytest.mark.django_db(databases=["default", "orders", "inventory"], transaction=True)
BUYERS, UNITS = 60, 50
MOST = UNITS - stockroom.FEW
CONSTRAINT = "ALTER TABLE inventory_stock ADD CONSTRAINT never_oversold CHECK (reserved <= on_hand) NOT VALID"


@contextmanager
def without_the_last_defence() -> Iterator[None]:
    """The CHECK constraint taken off, and put back."""
    with connections["inventory"].cursor() as cursor:
        cursor.execute("ALTER TABLE inventory_stock DROP CONSTRAINT never_oversold")
        try:
            yield
        finally:
            cursor.execute("UPDATE inventory_stock SET reserved = least(reserved, on_hand)")
            cursor.execute(CONSTRAINT)


@pytest.fixture
def lamp(clean_redis: object) -> str:
    """A lamp for sale, fifty on the shelf."""
    Location.objects.get_or_create(code="main", defaults={"name": "Main warehouse"})
    offer = OfferChanged(sku="LAMP", name="Lamp", prices={"EUR": 1990}, sellable=True, version=1)
    orders.record_offers([offer])
    inventory.open_items([offer])
    inventory.receive_stock({"LAMP": UNITS})
    return offer.sku


def everybody_buys(api: APIClient, bearer: Bearer, sku: str) -> int:
    """Sixty orders over HTTP, carried to their end; how many were confirmed."""
    for _ in range(BUYERS):
        body = {"lines": [{"sku": sku, "quantity": 1}]}
        assert api.post("/api/v1/orders", body, **bearer(uuid4())).status_code == 201
    bus.drain()
    return Order.objects.filter(status="confirmed").count()


class TestOverselling:
    def test_does_not_happen_with_the_guard(self, api: APIClient, bearer: Bearer, lamp: str) -> None:
        assert everybody_buys(api, bearer, lamp) == UNITS

    def test_is_seen_without_it(
        self, api: APIClient, bearer: Bearer, lamp: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stockroom.Stockroom, "available", lambda room, sku: BUYERS)
        monkeypatch.setattr(stockroom.Counter, "available", BUYERS)

        with without_the_last_defence():
            confirmed = everybody_buys(api, bearer, lamp)
            reserved = Stock.objects.get(sku=lamp).reserved

        assert confirmed == reserved == BUYERS > UNITS

    def test_is_stopped_by_the_database_when_only_the_code_fails(
        self, api: APIClient, bearer: Bearer, lamp: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stockroom.Stockroom, "available", lambda room, sku: BUYERS)
        monkeypatch.setattr(stockroom.Counter, "available", BUYERS)

        confirmed = everybody_buys(api, bearer, lamp)

        assert confirmed <= UNITS
        assert Stock.objects.get(sku=lamp).reserved <= UNITS


class TestWithoutTheLock:
    def test_the_level_that_both_would_announce_lets_only_one_through(
        self, lamp: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        both_have_read, refusals = Barrier(2, timeout=20), []
        monkeypatch.setattr(stockroom, "LOCK", stockroom.LOCK.replace("FOR UPDATE OF stock", ""))
        write = stockroom.Stockroom.write

        def write_when_both_have_read(room: stockroom.Stockroom, *, at_once: bool) -> None:
            both_have_read.wait()
            write(room, at_once=at_once)

        def take_most() -> None:
            # So many that few are left: such a level is announced at once.
            wanted = inventory.Wanted(order_id=uuid4(), lines=[(lamp, MOST)], cause_id=uuid4(), cause=NO_CAUSE)
            try:
                with transaction.atomic(using="inventory"):
                    inventory.reserve_stock([wanted])
            except ConcurrentChange as refusal:
                refusals.append(refusal)
            finally:
                connections["inventory"].close()

        monkeypatch.setattr(stockroom.Stockroom, "write", write_when_both_have_read)
        with without_the_last_defence():
            threads = [Thread(target=take_most) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            reserved = Stock.objects.get(sku=lamp).reserved

        assert (reserved, len(refusals)) == (MOST, 1)
