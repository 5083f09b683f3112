"""Nothing that a reader or writer sends becomes a MongoDB operator, a field name or a pattern."""

import re
from urllib.parse import quote

import pytest

from nexus.catalog import services
from nexus.catalog.models.connection import database
from nexus.catalog.selectors import search_condition

from .conftest import a_lamp

OPERATORS = ['{"$ne": null}', '{"$gt": ""}', '{"$where": "sleep(5000)"}', "$where", "this.x", "';return true;//"]
PATTERNS = [".*", "^alva", "(a+)+$", "[", "\\", "al.a", "-lamp", '"', "\u0000"]


@pytest.fixture(autouse=True)
def _alva(catalog):
    services.create_product(product=a_lamp())


class TestQueryStrings:
    @pytest.mark.parametrize("name", ["search[$regex]", "category[$ne]", "attr.finish[$ne]", "attr.$where", "$where"])
    def test_have_no_operators_in_names(self, api, name):
        answer = api.get("/api/v1/products", {name: "x"})

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, name)

    @pytest.mark.parametrize("name", ["category", "attr.finish"])
    @pytest.mark.parametrize("text", [*OPERATORS, *PATTERNS])
    def test_are_compared_as_written(self, api, name, text):
        answer = api.get("/api/v1/products", {name: text})

        assert answer.status_code in (200, 400)
        assert answer.json().get("results", []) == []

    @pytest.mark.parametrize("text", [*OPERATORS, *PATTERNS, "a" * 200, "$ " * 100])
    def test_search_for_words_only(self, api, text):
        answer = api.get("/api/v1/products", {"search": text})

        assert answer.status_code in (200, 400)
        [(operator, asked)] = search_condition(text).items()
        assert (operator, asked.keys()) == ("$text", {"$search"})
        assert re.fullmatch(r'[\w" ]*', asked["$search"])

    def test_cannot_exclude_words(self, api):
        assert len(api.get("/api/v1/products", {"search": "-lamp"}).json()["results"]) == 1


class TestPaths:
    @pytest.mark.parametrize("text", [*OPERATORS, "[$ne]", ".*", "^alva", "alva\x00"])
    def test_are_compared_as_written(self, staff, text):
        for kind in ("products", "categories", "product-types"):
            for method in ("get", "patch", "delete"):
                answer = getattr(staff, method)(f"/api/v1/{kind}/{quote(text, safe='')}", {})
                assert answer.status_code in (400, 404), (kind, method)

        assert database()["products"].count_documents({}) == 1


class TestBodies:
    @pytest.mark.parametrize("value", [{"$ne": None}, {"$gt": ""}, {"$where": "sleep(5000)"}, ["$ne"], 7, None, True])
    @pytest.mark.parametrize("name", ["slug", "name", "product_type", "description", "status"])
    def test_take_strings_for_strings(self, staff, name, value):
        body = {"slug": "new", "name": "New", "product_type": "lamp"} | {name: value}

        answer = staff.post("/api/v1/products", body)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"].startswith(name)

    @pytest.mark.parametrize("attributes", [{"$where": "1"}, {"a.b": 1}, {"": 1}, {"dimmable": {"$ne": None}}])
    def test_name_no_fields_of_their_own(self, staff, attributes):
        body = {"slug": "new", "name": "New", "product_type": "lamp", "attributes": attributes}

        assert staff.post("/api/v1/products", body).status_code == 400
