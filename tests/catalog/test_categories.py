"""The tree of categories, and product types."""

import pytest

from nexus.catalog import selectors, services
from nexus.catalog.exceptions import (
    CategoryNotFound,
    InUse,
    InvalidCategory,
    InvalidProductType,
    ProductTypeNotFound,
    SlugTaken,
    StaleDocument,
)
from nexus.catalog.models.connection import database
from nexus.catalog.selectors import ProductQuery
from nexus.catalog.services import CategoryChanges, NewAttribute, NewCategory, NewProductType, ProductTypeChanges
from nexus.contracts.paging import Page

from .conftest import a_lamp, a_variant, at_once


def slugs_in(category: str) -> list[str]:
    found = selectors.list_products(query=ProductQuery(category=category, ordering="name"), page=Page())
    return [row["slug"] for row in found.items]


class TestCreateCategory:
    def test_has_a_path_below_its_parent(self):
        row = services.create_category(category=NewCategory(slug="clamps", name="Clamps", parent="desk-lamps"))

        assert row["path"] == "home/lighting/desk-lamps/clamps"

    @pytest.mark.parametrize(
        ("category", "field"),
        [
            (NewCategory(slug="a", name="A", parent="nope"), "parent"),
            (NewCategory(slug="A b", name="A"), "slug"),
            (NewCategory(slug="a", name=""), "name"),
        ],
    )
    def test_names_the_field_at_fault(self, category, field):
        with pytest.raises(InvalidCategory) as refusal:
            services.create_category(category=category)

        assert [error.field for error in refusal.value.errors] == [field]

    def test_refuses_a_slug_that_is_taken(self):
        with pytest.raises(SlugTaken):
            services.create_category(category=NewCategory(slug="home", name="Home"))


class TestMoveCategory:
    def test_takes_everything_below_it_along(self):
        services.create_product(product=a_lamp())

        services.change_category(slug="lighting", changes=CategoryChanges(parent="clothing"))

        assert selectors.get_category(slug="desk-lamps")["path"] == "clothing/lighting/desk-lamps"
        assert (slugs_in("clothing"), slugs_in("home"), slugs_in("lighting")) == (["alva"], [], ["alva"])

    def test_leaves_neighbours_with_a_longer_name_alone(self):
        services.create_category(category=NewCategory(slug="lighting-parts", name="Parts", parent="home"))

        services.change_category(slug="lighting", changes=CategoryChanges(parent=None))

        assert selectors.get_category(slug="lighting-parts")["path"] == "home/lighting-parts"

    def test_keeps_other_ancestors_of_a_product_in_several_categories(self):
        services.create_product(product=a_lamp(categories=["desk-lamps", "shirts"]))

        services.change_category(slug="desk-lamps", changes=CategoryChanges(parent=None))

        assert (slugs_in("desk-lamps"), slugs_in("clothing"), slugs_in("home")) == (["alva"], ["alva"], [])

    @pytest.mark.parametrize("below", ["lighting", "desk-lamps"])
    def test_is_refused_below_itself(self, below):
        with pytest.raises(InvalidCategory) as refusal:
            services.change_category(slug="lighting", changes=CategoryChanges(parent=below))

        assert [error.code for error in refusal.value.errors] == ["loop"]

    def test_never_misses_a_product_that_comes_at_the_same_moment(self):
        for attempt in range(5):
            parent = None if attempt % 2 else "clothing"
            product = a_lamp(slug=f"lamp-{attempt}", variants=[a_variant(f"L-{attempt}")])

            at_once(
                lambda parent=parent: services.change_category(slug="lighting", changes=CategoryChanges(parent=parent)),
                lambda product=product: services.create_product(product=product),
            )

            path = selectors.get_category(slug="desk-lamps")["path"]
            assert {tuple(row["ancestors"]) for row in database()["products"].find()} == {
                tuple(sorted(path.split("/")))
            }

    def test_refuses_a_version_that_is_not_the_present_one(self):
        with pytest.raises(StaleDocument):
            services.change_category(slug="home", changes=CategoryChanges(name="House"), version=3)

    def test_does_not_know_a_category_that_is_not_there(self):
        with pytest.raises(CategoryNotFound):
            services.change_category(slug="nope", changes=CategoryChanges(name="House"))


class TestDeleteCategory:
    @pytest.mark.parametrize("slug", ["home", "desk-lamps"])
    def test_is_refused_while_something_stands_in_it(self, slug):
        services.create_product(product=a_lamp())

        with pytest.raises(InUse):
            services.delete_category(slug=slug)

    def test_goes_when_it_is_empty(self):
        services.delete_category(slug="desk-lamps")

        with pytest.raises(CategoryNotFound):
            selectors.get_category(slug="desk-lamps")

    def test_never_leaves_a_product_behind_that_comes_at_the_same_moment(self):
        for attempt in range(5):
            services.create_category(category=NewCategory(slug=f"c{attempt}", name="C"))
            product = a_lamp(slug=f"l{attempt}", categories=[f"c{attempt}"], variants=[a_variant(f"L-{attempt}")])

            at_once(
                lambda attempt=attempt: services.delete_category(slug=f"c{attempt}"),
                lambda product=product: services.create_product(product=product),
            )

            left = database()["categories"].count_documents({"slug": f"c{attempt}"})
            assert database()["products"].count_documents({"categories": f"c{attempt}"}) == left


class TestProductTypes:
    @pytest.mark.parametrize(
        ("attribute", "field"),
        [
            (NewAttribute(name="No", kind="text"), "attributes.0.name"),
            (NewAttribute(name="$where", kind="text"), "attributes.0.name"),
            (NewAttribute(name="a.b", kind="text"), "attributes.0.name"),
            (NewAttribute(name="a", kind="colour"), "attributes.0.kind"),
            (NewAttribute(name="a", kind="choice"), "attributes.0.choices"),
            (NewAttribute(name="a", kind="text", choices=["x"]), "attributes.0.choices"),
            (NewAttribute(name="a", kind="measure"), "attributes.0.unit"),
            (NewAttribute(name="a", kind="text", unit="cm"), "attributes.0.unit"),
        ],
    )
    def test_name_the_field_at_fault(self, attribute, field):
        with pytest.raises(InvalidProductType) as refusal:
            services.create_product_type(product_type=NewProductType(slug="new", name="New", attributes=[attribute]))

        assert field in [error.field for error in refusal.value.errors]

    def test_have_each_attribute_once(self):
        twice = [NewAttribute(name="a", kind="text"), NewAttribute(name="a", kind="number")]

        with pytest.raises(InvalidProductType) as refusal:
            services.create_product_type(product_type=NewProductType(slug="new", name="New", attributes=twice))

        assert [error.field for error in refusal.value.errors] == ["attributes.1.name"]

    def test_stay_while_there_are_products_of_them(self):
        services.create_product(product=a_lamp())

        with pytest.raises(InUse):
            services.delete_product_type(slug="lamp")

    def test_go_when_there_are_none(self):
        services.delete_product_type(slug="lamp")

        with pytest.raises(ProductTypeNotFound):
            selectors.get_product_type(slug="lamp")

    def test_refuse_a_version_that_is_not_the_present_one(self):
        services.change_product_type(slug="lamp", changes=ProductTypeChanges(name="Lantern"), version=1)

        with pytest.raises(StaleDocument):
            services.change_product_type(slug="lamp", changes=ProductTypeChanges(name="Light"), version=1)
