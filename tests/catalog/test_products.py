"""Creating, changing and deleting products, with what is told about it."""

from typing import Any

import pytest

from nexus.catalog import selectors, services
from nexus.catalog.exceptions import InvalidProduct, ProductNotFound, SkuTaken, SlugTaken, StaleDocument
from nexus.catalog.models.connection import database, store
from nexus.catalog.services import ProductChanges
from nexus.contracts.catalog import OfferChanged

from .conftest import a_lamp, a_variant, at_once, offers


class TestCreateProduct:
    def test_tells_an_offer_for_each_sku(self):
        two = [a_variant("A", name="Brass", prices={"EUR": 7900, "USD": 8500}), a_variant("B")]

        row = services.create_product(product=a_lamp(variants=two))

        told = offers()
        assert [(envelope.data, envelope.sequence) for envelope in told] == [
            (offer(sku="A", name="Alva desk lamp Brass", prices={"EUR": 7900, "USD": 8500}), 1),
            (offer(sku="B", name="Alva desk lamp"), 1),
        ]
        assert row["version"] == 1

    def test_tells_that_a_draft_is_not_for_sale(self):
        services.create_product(product=a_lamp(status="draft"))

        assert [envelope.data.sellable for envelope in offers()] == [False]

    def test_hands_out_what_a_later_read_finds(self):
        row = services.create_product(product=a_lamp())

        found = selectors.get_product(slug="alva")
        assert found == {name: value for name, value in row.items() if name in found}

    def test_leaves_nothing_when_telling_fails(self, monkeypatch):
        def fail(envelopes: Any) -> None:
            raise RuntimeError("between the product and its events")

        monkeypatch.setattr(store, "append", fail)

        with pytest.raises(RuntimeError):
            services.create_product(product=a_lamp())

        assert database()["products"].count_documents({}) == 0
        assert database()["event_log"].count_documents({}) == 0

    def test_refuses_a_slug_that_is_taken(self):
        services.create_product(product=a_lamp())

        with pytest.raises(SlugTaken):
            services.create_product(product=a_lamp(variants=[a_variant("OTHER")]))

        assert len(offers()) == 1

    def test_refuses_a_sku_of_another_product(self):
        services.create_product(product=a_lamp())

        with pytest.raises(SkuTaken, match="ALVA-BRASS"):
            services.create_product(product=a_lamp(slug="other"))

    @pytest.mark.parametrize(
        ("changes", "fields"),
        [
            ({"slug": "Not A Slug"}, ["slug"]),
            ({"slug": "ends-with-newline\n"}, ["slug"]),
            ({"name": "x" * 201}, ["name"]),
            ({"product_type": "nope"}, ["product_type"]),
            ({"categories": ["desk-lamps", "nope"]}, ["categories.1"]),
            ({"status": "sold"}, ["status"]),
            ({"variants": []}, ["variants"]),
            ({"variants": [a_variant("A"), a_variant("A")]}, ["variants.1.sku"]),
            ({"variants": [a_variant("no spaces")]}, ["variants.0.sku"]),
            ({"variants": [a_variant("A", prices={})]}, ["variants.0.prices"]),
            ({"variants": [a_variant("A", prices={"EUR": -1})]}, ["variants.0.prices.0.amount"]),
            ({"variants": [a_variant("A", prices={"XXX": 1})]}, ["variants.0.prices.0.currency"]),
        ],
    )
    def test_names_the_fields_at_fault(self, changes, fields):
        with pytest.raises(InvalidProduct) as refusal:
            services.create_product(product=a_lamp(**changes))

        assert [error.field for error in refusal.value.errors] == fields


class TestChangeProduct:
    def test_tells_a_new_price_for_that_sku_only(self):
        services.create_product(product=a_lamp(variants=[a_variant("A"), a_variant("B")]))

        dearer = [a_variant("A"), a_variant("B", prices={"EUR": 9900})]
        services.change_product(slug="alva", changes=ProductChanges(variants=dearer))

        assert told_after(version=1) == [offer(sku="B", prices={"EUR": 9900}, version=2)]

    @pytest.mark.parametrize(("before", "after"), [("draft", "published"), ("published", "archived")])
    def test_tells_what_a_new_status_means_for_every_sku(self, before, after):
        services.create_product(product=a_lamp(status=before, variants=[a_variant("A"), a_variant("B")]))

        services.change_product(slug="alva", changes=ProductChanges(status=after))

        assert [(each.sku, each.sellable) for each in told_after(version=1)] == [
            ("A", after == "published"),
            ("B", after == "published"),
        ]

    def test_tells_a_last_offer_for_a_variant_that_is_gone(self):
        services.create_product(product=a_lamp(variants=[a_variant("A"), a_variant("B")]))

        services.change_product(slug="alva", changes=ProductChanges(variants=[a_variant("A")]))

        assert told_after(version=1) == [offer(sku="B", sellable=False, version=2)]

    def test_tells_nothing_about_a_new_description(self):
        services.create_product(product=a_lamp())

        row = services.change_product(slug="alva", changes=ProductChanges(description="Bright."))

        assert row["version"] == 2
        assert told_after(version=1) == []

    def test_leaves_the_version_when_nothing_changes(self):
        before = services.create_product(product=a_lamp())

        after = services.change_product(slug="alva", changes=ProductChanges(name="Alva desk lamp"))

        assert (after["version"], after["updated_at"]) == (1, before["updated_at"])

    def test_leaves_the_product_as_it_was_when_telling_fails(self, monkeypatch):
        services.create_product(product=a_lamp())
        monkeypatch.setattr(store, "append", lambda envelopes: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            services.change_product(slug="alva", changes=ProductChanges(name="Other"))

        assert selectors.get_product(slug="alva")["name"] == "Alva desk lamp"

    def test_refuses_a_version_that_is_not_the_present_one(self):
        services.create_product(product=a_lamp())
        services.change_product(slug="alva", changes=ProductChanges(name="First"), version=1)

        with pytest.raises(StaleDocument):
            services.change_product(slug="alva", changes=ProductChanges(name="Second"), version=1)

        assert selectors.get_product(slug="alva")["name"] == "First"

    def test_lets_one_of_two_writers_at_the_same_version_win(self):
        services.create_product(product=a_lamp())

        outcomes = at_once(
            *(
                lambda name=name: services.change_product(slug="alva", changes=ProductChanges(name=name), version=1)
                for name in ("First", "Second")
            )
        )

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["StaleDocument", "dict"]
        assert [envelope.sequence for envelope in offers()] == [1, 2]

    def test_keeps_both_of_two_writers_who_name_no_version(self):
        services.create_product(product=a_lamp())

        at_once(
            lambda: services.change_product(slug="alva", changes=ProductChanges(name="Other")),
            lambda: services.change_product(slug="alva", changes=ProductChanges(description="Bright.")),
        )

        row = selectors.get_product(slug="alva")
        assert (row["name"], row["description"], row["version"]) == ("Other", "Bright.", 3)

    def test_does_not_know_a_product_that_is_not_there(self):
        with pytest.raises(ProductNotFound):
            services.change_product(slug="nope", changes=ProductChanges(name="Other"))


class TestDeleteProduct:
    def test_tells_that_no_sku_is_for_sale_any_more(self):
        services.create_product(product=a_lamp(variants=[a_variant("A"), a_variant("B")]))

        services.delete_product(slug="alva")

        assert told_after(version=1) == [
            offer(sku="A", sellable=False, version=2),
            offer(sku="B", sellable=False, version=2),
        ]

    def test_refuses_a_version_that_is_not_the_present_one(self):
        services.create_product(product=a_lamp())

        with pytest.raises(StaleDocument):
            services.delete_product(slug="alva", version=7)

        assert selectors.get_product(slug="alva")


def offer(**changes: Any) -> OfferChanged:
    wanted = {"sku": "A", "name": "Alva desk lamp", "prices": {"EUR": 7900}, "sellable": True, "version": 1}
    return OfferChanged(**wanted | changes)


def told_after(*, version: int) -> list[OfferChanged]:
    return [envelope.data for envelope in offers() if envelope.sequence > version]
