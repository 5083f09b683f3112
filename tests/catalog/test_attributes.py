"""Attribute values against the product type."""

import pytest

from nexus.catalog import selectors, services
from nexus.catalog.exceptions import InvalidProduct
from nexus.catalog.models.connection import database
from nexus.catalog.services import NewAttribute, NewProduct, ProductChanges, ProductTypeChanges

from .conftest import a_lamp, a_variant


def a_shirt(*, attributes=None, variant=None) -> NewProduct:
    values = {"size": "M"} | (variant or {})
    return a_lamp(
        slug="shirt",
        product_type="shirt",
        categories=["shirts"],
        attributes=attributes or {},
        variants=[a_variant("SHIRT", attributes=values)],
    )


class TestValues:
    @pytest.mark.parametrize(
        "attributes",
        [
            {"care": ["cold", "iron"]},
            {"weight": 150},
            {"weight": 1.5},
            {"brand": "Østerbro & Söhne"},
            {"since": "2024-02-29"},
        ],
    )
    def test_are_kept_as_given(self, attributes):
        services.create_product(product=a_shirt(attributes=attributes))

        assert selectors.get_product(slug="shirt")["attributes"] == attributes

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("care", []),
            ("care", ["cold", "cold"]),
            ("care", ["hot"]),
            ("care", "cold"),
            ("care", [{"$ne": 1}]),
            ("weight", "150"),
            ("weight", True),
            ("weight", float("inf")),
            ("weight", 10**40),
            ("brand", ""),
            ("brand", "x" * 501),
            ("brand", 7),
            ("brand", {"$ne": None}),
            ("since", "2023-02-29"),
            ("since", "20240229"),
            ("since", 2024),
            ("colour", "red"),
            ("$where", "1"),
            ("size", "M"),
        ],
    )
    def test_are_refused_with_their_path(self, name, value):
        with pytest.raises(InvalidProduct) as refusal:
            services.create_product(product=a_shirt(attributes={name: value}))

        assert [error.field for error in refusal.value.errors] == [f"attributes.{name}"]

    @pytest.mark.parametrize(("value", "code"), [("XXL", "invalid"), (None, "invalid"), (["M"], "invalid")])
    def test_of_variants_are_refused_with_theirs(self, value, code):
        with pytest.raises(InvalidProduct) as refusal:
            services.create_product(product=a_shirt(variant={"size": value}))

        assert [(error.field, error.code) for error in refusal.value.errors] == [("variants.0.attributes.size", code)]

    @pytest.mark.parametrize(
        "value",
        [12, "12 cm", {"value": 12}, {"value": 12, "unit": "mm"}, {"value": "12", "unit": "cm"}],
    )
    def test_of_measures_need_the_unit_of_the_type(self, value):
        with pytest.raises(InvalidProduct) as refusal:
            services.create_product(product=a_lamp(attributes={"height": value}))

        assert [error.field for error in refusal.value.errors] == ["attributes.height"]

    def test_that_are_required_are_missed(self):
        product = a_lamp(product_type="shirt", variants=[a_variant("SHIRT")])

        with pytest.raises(InvalidProduct) as refusal:
            services.create_product(product=product)

        assert [(error.field, error.code) for error in refusal.value.errors] == [
            ("variants.0.attributes.size", "required")
        ]

    def test_that_are_equal_filter_alike(self):
        services.create_product(product=a_shirt(attributes={"weight": 150.0, "care": ["iron", "cold"]}))

        tokens = database()["products"].find_one({"slug": "shirt"})["tokens"]
        assert tokens == ["care=cold", "care=iron", "size=M", "weight=150"]


class TestAStricterType:
    @pytest.fixture(autouse=True)
    def _stricter(self):
        services.create_product(product=a_lamp())
        material = NewAttribute(name="material", kind="text", required=True)
        services.change_product_type(slug="lamp", changes=ProductTypeChanges(attributes=[material]))

    def test_leaves_products_alone_that_change_in_other_ways(self):
        row = services.change_product(slug="alva", changes=ProductChanges(name="Other"))

        assert row["name"] == "Other"

    def test_is_met_when_values_change(self):
        with pytest.raises(InvalidProduct) as refusal:
            services.change_product(slug="alva", changes=ProductChanges(attributes={"dimmable": True}))

        assert {error.field for error in refusal.value.errors} == {
            "attributes.dimmable",
            "attributes.material",
            "variants.0.attributes.finish",
        }
