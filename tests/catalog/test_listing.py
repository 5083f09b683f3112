"""Filters, orderings, facets and pages against a plain reading of three hundred random products."""

import random
from collections import Counter
from dataclasses import replace
from itertools import product as every_pair

import pytest

from nexus.catalog import selectors, services
from nexus.catalog.models import Product
from nexus.catalog.models.connection import collection_of, database
from nexus.catalog.selectors import ProductQuery
from nexus.contracts.errors import Invalid
from nexus.contracts.paging import Page

from .conftest import a_lamp, a_variant
from .oracle import QUERIES, Oracle, draw


@pytest.fixture
def oracle(catalog) -> Oracle:
    rng = random.Random(20)
    drafts = [draw(rng, number) for number in range(300)]
    services.add_products(drafts)
    skus = [variant.sku for draft in drafts for variant in draft.variants]
    in_stock = set(rng.sample(skus, len(skus) // 3))
    collection_of(Product).update_many(
        {},
        {"$set": {"variants.$[v].availability.in_stock": True}},
        array_filters=[{"v.sku": {"$in": sorted(in_stock)}}],
    )
    return Oracle(drafts, in_stock)


def walk(query: ProductQuery, *, size: int = 7, backwards: bool = False) -> list[str]:
    slugs: list[str] = []
    page = Page(size=size)
    while True:
        found = selectors.list_products(query=query, page=page)
        slugs = [row["slug"] for row in found.items] + slugs if backwards else slugs + [r["slug"] for r in found.items]
        keys = found.previous if backwards else found.next
        if keys is None:
            return slugs
        page = Page(size=size, keys=keys, backwards=backwards)


def last_page(query: ProductQuery, size: int = 7) -> Page:
    page = Page(size=size)
    while (found := selectors.list_products(query=query, page=page)).next:
        page = Page(size=size, keys=found.next)
    return page


class TestFilters:
    def test_find_what_reading_every_product_finds(self, oracle):
        for query in QUERIES:
            wanted = sorted(draft.slug for draft in oracle.matching(query))

            assert sorted(walk(query, size=50)) == wanted, query

    def test_of_searches_find_plurals_and_skus(self, catalog):
        services.create_product(product=a_lamp(variants=[a_variant("AL-7731"), a_variant("AL-7732")]))
        services.create_product(product=a_lamp(slug="other", name="Birk glass", variants=[a_variant("BK-7731")]))

        found = {text: walk(ProductQuery(search=text)) for text in ("lamps", "desk lamp", "AL-7731", "glasses", "the")}

        assert found == {
            "lamps": ["alva"],
            "desk lamp": ["alva"],
            "AL-7731": ["alva"],
            "glasses": ["other"],
            "the": [],
        }


class TestOrderings:
    def test_are_those_of_a_plain_sort(self, oracle):
        rows = {row["slug"]: row for row in database()["products"].find()}
        published = [rows[draft.slug] for draft in oracle.matching(ProductQuery())]

        def price(row: dict) -> int:
            return row["price"].get("EUR", -1)

        wanted = {
            "name": sorted(published, key=lambda row: (row["name"].casefold(), row["_id"])),
            "price": sorted(published, key=lambda row: (price(row), row["_id"])),
            "-price": sorted(published, key=lambda row: (price(row), row["_id"]), reverse=True),
            "newest": sorted(published, key=lambda row: (row["created_at"], row["_id"]), reverse=True),
        }
        for ordering, expected in wanted.items():
            assert walk(ProductQuery(ordering=ordering)) == [row["slug"] for row in expected], ordering

    def test_of_relevance_put_the_better_match_first(self, catalog):
        services.create_product(
            product=a_lamp(slug="second", name="Cup", description="Goes with a lamp.", variants=[a_variant("X")])
        )
        services.create_product(product=a_lamp())

        assert walk(ProductQuery(search="lamp", ordering="relevance")) == ["alva", "second"]


class TestPages:
    @pytest.mark.parametrize(
        ("ordering", "search"), [*every_pair(["name", "price", "-price", "newest"], [""]), ("relevance", "oak")]
    )
    def test_read_the_same_list_forwards_and_backwards(self, oracle, ordering, search):
        query = ProductQuery(ordering=ordering, search=search)
        forwards = walk(query)

        end = last_page(query)
        found = selectors.list_products(query=query, page=end)
        backwards = [row["slug"] for row in found.items]
        while found.previous:
            found = selectors.list_products(query=query, page=Page(size=7, keys=found.previous, backwards=True))
            backwards = [row["slug"] for row in found.items] + backwards

        assert len(set(forwards)) == len(forwards) > 7
        assert backwards == forwards

    @pytest.mark.parametrize("ordering", ["name", "price", "-price", "newest"])
    def test_neither_skip_nor_repeat_while_products_are_added(self, oracle, ordering):
        query = ProductQuery(ordering=ordering)
        before, seen, page = set(walk(query, size=50)), [], Page(size=11)

        for step in range(1000):
            found = selectors.list_products(query=query, page=page)
            seen += [row["slug"] for row in found.items]
            services.create_product(product=replace(draw(random.Random(step), 1000 + step), status="published"))
            if not found.next or step > 40:
                break
            page = Page(size=11, keys=found.next)

        assert len(seen) == len(set(seen))
        assert before <= set(seen)

    def test_refuse_keys_of_another_order(self, oracle):
        found = selectors.list_products(query=ProductQuery(ordering="name"), page=Page())

        with pytest.raises(Invalid):
            selectors.list_products(query=ProductQuery(ordering="price"), page=Page(keys=found.next))


class TestFacets:
    def test_count_what_reading_every_product_counts(self, oracle):
        for query in QUERIES:
            facets = selectors.count_facets(query=query)

            categories = Counter(
                slug for draft in oracle.matching(replace(query, category=None)) for slug in oracle.ancestors(draft)
            )
            assert {each.value: each.count for each in facets.categories} == categories, query
            for name, counts in facets.attributes.items():
                others = {other: values for other, values in query.attributes.items() if other != name}
                found = oracle.matching(replace(query, attributes=others))
                wanted = Counter(value for draft in found for value in oracle.values(draft)[name])
                assert {each.value: each.count for each in counts} == wanted, (query, name)

    def test_count_prices_in_ranges(self, oracle):
        for query in (ProductQuery(), ProductQuery(currency="USD", min_price=1990), ProductQuery(category="home")):
            facets = selectors.count_facets(query=query)

            found = oracle.matching(replace(query, min_price=None, max_price=None))
            prices = [price for draft in found if (price := oracle.price(draft, query.currency)) is not None]
            assert (facets.lowest, facets.highest) == (min(prices), max(prices))
            for each in facets.ranges:
                inside = [price for price in prices if each.least <= price < (each.below or 10**12)]
                assert each.count == len(inside)
            assert sum(each.count for each in facets.ranges) == len(prices)

    def test_say_nothing_about_nothing(self, catalog):
        facets = selectors.count_facets(query=ProductQuery())

        assert (facets.categories, facets.attributes, facets.ranges, facets.lowest) == ([], {}, [], None)
