"""Skus that come back, and many products at once."""

import pytest

from nexus.catalog import services
from nexus.catalog.exceptions import InvalidProduct
from nexus.catalog.models.connection import database
from nexus.catalog.services import ProductChanges

from .conftest import a_lamp, a_variant, offers


class TestASkuThatComesBack:
    def test_goes_on_above_the_version_of_its_last_offer(self):
        services.create_product(product=a_lamp())
        services.change_product(slug="alva", changes=ProductChanges(name="Other"))
        services.delete_product(slug="alva")

        row = services.create_product(product=a_lamp(slug="again"))

        assert [(envelope.sequence, envelope.data.sellable) for envelope in offers()] == [
            (1, True),
            (2, True),
            (3, False),
            (4, True),
        ]
        assert row["version"] == 4

    def test_does_so_in_a_product_that_is_there_already(self):
        services.create_product(product=a_lamp(variants=[a_variant("A")]))
        for name in ("Two", "Three", "Four"):
            services.change_product(slug="alva", changes=ProductChanges(name=name))
        services.change_product(slug="alva", changes=ProductChanges(variants=[a_variant("B")]))
        services.create_product(product=a_lamp(slug="other", variants=[a_variant("C")]))

        row = services.change_product(slug="other", changes=ProductChanges(variants=[a_variant("A")]))

        assert row["version"] == 6
        assert [envelope.sequence for envelope in offers() if envelope.subject == "A"] == [1, 2, 3, 4, 5, 6]


class TestAddProducts:
    def test_adds_more_than_one_transaction_holds(self):
        many = [a_lamp(slug=f"lamp-{n}", variants=[a_variant(f"L-{n}")]) for n in range(1100)]

        assert services.add_products(many) == 1100

        assert database()["products"].count_documents({}) == 1100
        assert database()["event_log"].count_documents({}) == 1100

    def test_says_which_product_is_at_fault_and_keeps_the_transactions_before(self):
        many = [a_lamp(slug=f"lamp-{n}", variants=[a_variant(f"L-{n}")]) for n in range(600)]
        many[510] = a_lamp(slug="bad", variants=[a_variant("bad", attributes={"finish": "gold"})])

        with pytest.raises(InvalidProduct) as refusal:
            services.add_products(many)

        assert [error.field for error in refusal.value.errors] == ["510.variants.0.attributes.finish"]
        assert database()["products"].count_documents({}) == 500
