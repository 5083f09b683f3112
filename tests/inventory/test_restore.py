"""Counters come from the ledger: lost, they come back; wrong, they are put right."""

import pytest
from django.db import connections

from nexus.inventory.models import DATABASE, Stock
from nexus.inventory.selectors import read_levels
from nexus.inventory.services.restore import drop_counters, rebuild_counters, restore_counters
from tests.inventory.conftest import Stockroom
from tests.standoff import second_of_two

pytestmark = pytest.mark.django_db(databases=["inventory"], transaction=True)


def counters() -> list[tuple[object, ...]]:
    columns = ("sku", "location_id", "on_hand", "reserved", "version")
    return list(Stock.objects.order_by("sku", "location_id").values_list(*columns))


@pytest.fixture
def traded(stockroom: Stockroom) -> Stockroom:
    """A stockroom after some trade; of vases there never were any."""
    stockroom.has(LAMP=10, SHADE=5, VASE=0)
    stockroom.reserve(LAMP=2, SHADE=1)
    stockroom.ship(stockroom.reserve(LAMP=3))
    stockroom.cancel(stockroom.reserve(SHADE=4))
    return stockroom


class TestLedger:
    def test_says_which_version_each_movement_made(self, traded: Stockroom) -> None:
        query = """SELECT s.sku, s.version, (SELECT max(version) FROM inventory_ledgerentry l WHERE l.sku = s.sku),
                       (SELECT count(DISTINCT version) FROM inventory_ledgerentry l WHERE l.sku = s.sku)
                   FROM inventory_stock s ORDER BY 1"""
        with connections[DATABASE].cursor() as cursor:
            cursor.execute(query)

            assert cursor.fetchall() == [("LAMP", 4, 4, 4), ("SHADE", 4, 4, 4), ("VASE", 0, None, 0)]


class TestALostCounter:
    def test_comes_back_when_it_is_needed(self, traded: Stockroom) -> None:
        drop_counters()

        order_id = traded.reserve(LAMP=5)

        assert traded.told_about(order_id) == ["StockReserved"]
        assert (traded.on_hand()["LAMP"], traded.reserved()["LAMP"]) == (7, 7)

    def test_still_never_sells_more_than_there_is(self, traded: Stockroom) -> None:
        drop_counters()

        order_id = traded.reserve(LAMP=6)

        assert traded.told_about(order_id) == ["StockRejected"]

    def test_that_somebody_else_is_just_restoring_is_not_taken_for_sold_out(self, traded: Stockroom) -> None:
        drop_counters()
        order = traded.order(LAMP=5)

        second_of_two(
            database=DATABASE,
            first=lambda: restore_counters(["LAMP"]),
            second=lambda: traded.hears(order),
        )

        assert traded.told_about(order.order_id) == ["StockReserved"]

    def test_does_not_hide_what_is_left(self, traded: Stockroom) -> None:
        before = read_levels(["LAMP", "SHADE"])

        drop_counters()

        after = read_levels(["LAMP", "SHADE", "NONE"])
        shown = [[(each.sku, each.available, each.version) for each in found.values()] for found in (before, after)]
        assert shown[0] == sorted(shown[1])

    def test_goes_on_with_its_versions(self, traded: Stockroom) -> None:
        drop_counters()

        traded.reserve(LAMP=1)

        assert Stock.objects.get(sku="LAMP").version == 5


class TestRebuilding:
    def test_brings_dropped_counters_back_to_the_letter(self, traded: Stockroom) -> None:
        before = counters()
        drop_counters()
        assert counters() == []

        assert sum(rebuild_counters()) == 3

        assert counters() == before

    def test_puts_wrong_ones_right_and_leaves_right_ones_alone(self, traded: Stockroom) -> None:
        before = counters()
        untouched = Stock.objects.get(sku="SHADE").updated_at
        Stock.objects.filter(sku="LAMP").update(on_hand=99, version=1)

        sum(rebuild_counters())

        assert counters() == before
        assert Stock.objects.get(sku="SHADE").updated_at == untouched
