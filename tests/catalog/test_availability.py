"""What catalog does with stock levels that it hears."""

import random
from itertools import permutations

import pytest

from nexus.catalog import selectors, services
from nexus.catalog.models.connection import database, store
from nexus.catalog.services import ProductChanges
from nexus.contracts.base import Envelope, enclose
from nexus.contracts.inventory import StockLevelChanged
from nexus.eventbus.delivery import deliver
from nexus.eventbus.registry import members
from nexus.eventbus.wire import encode, record_of

from .conftest import a_lamp, a_variant


def level(sku: str, available: int, version: int) -> Envelope[StockLevelChanged]:
    return enclose(StockLevelChanged(sku=sku, available=available, version=version), sequence=version)


def hear(*levels: Envelope[StockLevelChanged]):
    return deliver(member=members["catalog"], message=encode([record_of(each) for each in levels]))


def shown() -> dict[str, int]:
    variants = selectors.get_product(slug="alva")["variants"]
    return {variant["sku"]: variant["availability"]["available"] for variant in variants}


@pytest.fixture(autouse=True)
def _two_variants(catalog):
    services.create_product(product=a_lamp(variants=[a_variant("A"), a_variant("B")]))


class TestStockLevels:
    def test_are_shown_on_their_variant(self):
        heard = level("B", 7, 1)

        hear(heard)

        availability = selectors.get_product(slug="alva")["variants"][1]["availability"]
        assert shown() == {"A": 0, "B": 7}
        assert (availability["in_stock"], availability["version"]) == (True, 1)
        assert abs((availability["as_of"] - heard.time).total_seconds()) < 0.002

    @pytest.mark.parametrize("order", list(permutations([level("A", 5, 1), level("A", 9, 2), level("A", 0, 3)])))
    def test_end_at_the_highest_version_in_whatever_order_they_come(self, order):
        for each in order:
            hear(each)

        assert shown()["A"] == 0

    def test_do_so_within_one_batch_too(self):
        batch = [level("A", number, number) for number in range(1, 20)]
        random.Random(4).shuffle(batch)

        hear(*batch, level("B", 3, 0))

        assert shown() == {"A": 19, "B": 3}

    def test_do_nothing_when_they_come_again(self):
        again = level("A", 5, 1)
        hear(again)
        hear(level("A", 0, 2))

        outcome = hear(again)

        assert (outcome.duplicate, outcome.applied, shown()["A"]) == (1, 0, 0)

    def test_do_nothing_when_the_same_version_comes_as_another_event(self):
        hear(level("A", 5, 1))

        hear(level("A", 8, 1))

        assert shown()["A"] == 5

    def test_of_unknown_skus_have_no_effect_and_hold_up_nobody(self):
        outcome = hear(level("GONE", 5, 1), level("A", 4, 1))

        assert (outcome.applied, outcome.buried, shown()["A"]) == (2, 0, 4)

    def test_leave_the_version_of_the_product(self):
        hear(level("A", 5, 1))

        assert selectors.get_product(slug="alva")["version"] == 1

    def test_stay_when_the_product_changes(self):
        hear(level("A", 5, 1))

        services.change_product(slug="alva", changes=ProductChanges(variants=[a_variant("A", name="New")]))

        assert shown() == {"A": 5}

    def test_are_remembered_for_a_sku_that_comes_back(self):
        hear(level("A", 5, 3))
        services.change_product(slug="alva", changes=ProductChanges(variants=[a_variant("B")]))

        services.change_product(slug="alva", changes=ProductChanges(variants=[a_variant("A"), a_variant("B")]))
        hear(level("A", 9, 2))

        assert shown() == {"A": 5, "B": 0}

    def test_are_undone_with_the_inbox_when_the_transaction_fails(self):
        def fail_after(handler, envelopes):
            handler(envelopes)
            raise RuntimeError("after the write")

        heard = level("A", 5, 1)
        handler = members["catalog"].handlers[heard.type]

        with pytest.raises(RuntimeError):
            store.apply_once(subscriber="catalog", ids=[heard.id], work=lambda fresh: fail_after(handler, [heard]))

        assert shown()["A"] == 0
        assert database()["inbox"].count_documents({}) == 0
