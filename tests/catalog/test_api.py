"""Products over HTTP, as the contract says."""

from typing import Any

import pytest

from nexus.catalog import selectors, services
from nexus.catalog.models.connection import database
from nexus.catalog.services import ProductChanges

from .conftest import a_lamp

LAMP: dict[str, Any] = {
    "slug": "alva",
    "name": "Alva",
    "description": "Bright.",
    "product_type": "lamp",
    "categories": ["desk-lamps"],
    "attributes": {"dimmable": True, "height": {"value": 42.5, "unit": "cm"}},
    "media": [{"url": "/media/alva.webp", "alt": "A lamp"}],
    "status": "published",
    "variants": [
        {
            "sku": "ALVA-BRASS",
            "name": "Brass",
            "attributes": {"finish": "brass"},
            "prices": [{"currency": "EUR", "amount": "19.90"}, {"currency": "JPY", "amount": "3000"}],
        }
    ],
}
UNHEARD = {"in_stock": False, "available": 0, "as_of": None}


class TestCreateProduct:
    def test_answers_with_the_product(self, staff):
        answer = staff.post("/api/v1/products", LAMP)

        assert answer.status_code == 201
        body = answer.json()
        assert answer["Location"].endswith("/api/v1/products/alva")
        assert {name: body[name] for name in LAMP if name != "variants"} == {
            name: LAMP[name] for name in LAMP if name != "variants"
        }
        assert body["variants"] == [LAMP["variants"][0] | {"availability": UNHEARD}]
        assert body["version"] == 1
        assert staff.get("/api/v1/products/alva").json() == body

    def test_is_a_draft_unless_said_otherwise(self, staff):
        answer = staff.post("/api/v1/products", {"slug": "bare", "name": "Bare", "product_type": "lamp"})

        assert (answer.status_code, answer.json()["status"]) == (201, "draft")

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"slug": "No Slug"}, "slug"),
            ({"slug": 7}, "slug"),
            ({"name": ""}, "name"),
            ({"id": "mine"}, "id"),
            ({"version": 9}, "version"),
            ({"created_at": "2020-01-01T00:00:00Z"}, "created_at"),
            ({"ancestors": ["home"]}, "ancestors"),
            ({"status": "sold"}, "status"),
            ({"categories": ["desk-lamps", "desk-lamps"]}, "categories"),
            ({"categories": "desk-lamps"}, "categories"),
            ({"attributes": {"finish": "gold"}}, "attributes.finish"),
            ({"attributes": ["finish"]}, "attributes"),
            ({"media": [{"url": "javascript:alert(1)"}]}, "media.0.url"),
            ({"media": [{"url": "//evil.example/x.png"}]}, "media.0.url"),
            ({"media": [{"url": "data:text/html;base64,PHNjcmlwdD4="}]}, "media.0.url"),
            ({"variants": [{}]}, "variants.0.sku"),
            ({"variants": [{"sku": "A", "availability": UNHEARD}]}, "variants.0.availability"),
            ({"variants": [{"sku": "A", "attributes": {"finish": "gold"}}]}, "variants.0.attributes.finish"),
        ],
    )
    def test_names_the_field_at_fault(self, staff, changes, field):
        answer = staff.post("/api/v1/products", LAMP | {"status": "draft"} | changes)

        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
        assert [error["field"] for error in answer.json()["errors"]] == [field]

    @pytest.mark.parametrize(
        ("price", "field"),
        [
            ({"currency": "EUR", "amount": "1.999"}, "amount"),
            ({"currency": "JPY", "amount": "1.5"}, "amount"),
            ({"currency": "EUR", "amount": 19.9}, "amount"),
            ({"currency": "EUR", "amount": "-1"}, "amount"),
            ({"currency": "EUR", "amount": "1e3"}, "amount"),
            ({"currency": "EUR", "amount": "NaN"}, "amount"),
            ({"currency": "EUR", "amount": "9" * 30}, "amount"),
            ({"currency": "XXX", "amount": "1"}, "currency"),
            ({"currency": {"$ne": None}, "amount": "1"}, "currency"),
        ],
    )
    def test_takes_no_price_that_the_currency_does_not_have(self, staff, price, field):
        answer = staff.post("/api/v1/products", LAMP | {"variants": [{"sku": "A", "prices": [price]}]})

        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == [f"variants.0.prices.0.{field}"]

    def test_takes_one_price_in_a_currency(self, staff):
        price = {"currency": "EUR", "amount": "1"}

        answer = staff.post("/api/v1/products", LAMP | {"variants": [{"sku": "A", "prices": [price, price]}]})

        assert [error["field"] for error in answer.json()["errors"]] == ["variants.0.prices"]

    def test_refuses_what_is_taken_with_409(self, staff):
        staff.post("/api/v1/products", LAMP)

        slug = staff.post("/api/v1/products", LAMP | {"variants": []} | {"status": "draft"})
        sku = staff.post("/api/v1/products", LAMP | {"slug": "other"})

        assert [(answer.status_code, answer.json()["code"]) for answer in (slug, sku)] == [
            (409, "slug_taken"),
            (409, "sku_taken"),
        ]


class TestChangeProduct:
    @pytest.fixture(autouse=True)
    def _alva(self, catalog):
        services.create_product(product=a_lamp(description="Bright."))

    def test_leaves_what_is_not_given(self, staff):
        answer = staff.patch("/api/v1/products/alva", {"name": "New"})

        body = answer.json()
        assert (answer.status_code, body["name"], body["description"], body["version"]) == (200, "New", "Bright.", 2)

    @pytest.mark.parametrize("variant", [{}, {"name": "no sku"}, {"sku": "A", "prices": [{"currency": "EUR"}]}])
    def test_takes_whole_variants_only(self, staff, variant):
        answer = staff.patch("/api/v1/products/alva", {"variants": [variant]})

        assert answer.status_code == 400

    def test_is_refused_with_412_when_the_product_moved_on(self, staff):
        tag = staff.get("/api/v1/products/alva")["ETag"]
        first = staff.patch("/api/v1/products/alva", {"name": "First"}, headers={"If-Match": tag})

        second = staff.patch("/api/v1/products/alva", {"name": "Second"}, headers={"If-Match": tag})

        assert (first.status_code, second.status_code) == (200, 412)
        assert selectors.get_product(slug="alva")["name"] == "First"
        again = staff.patch("/api/v1/products/alva", {"name": "Third"}, headers={"If-Match": first["ETag"]})
        assert again.status_code == 200

    def test_is_not_refused_because_the_shop_sold_one(self, staff):
        tag = staff.get("/api/v1/products/alva")["ETag"]
        database()["products"].update_one({}, {"$set": {"variants.0.availability.version": 5}})

        answer = staff.patch("/api/v1/products/alva", {"name": "First"}, headers={"If-Match": tag})

        assert answer.status_code == 200

    def test_takes_any_version_for_a_star(self, staff):
        assert staff.patch("/api/v1/products/alva", {"name": "N"}, headers={"If-Match": "*"}).status_code == 200

    def test_is_deleted_only_at_the_version_that_was_read(self, staff):
        stale = staff.delete("/api/v1/products/alva", headers={"If-Match": '"99-abc"'})
        done = staff.delete("/api/v1/products/alva")

        assert (stale.status_code, done.status_code, done.content) == (412, 204, b"")
        assert staff.get("/api/v1/products/alva").status_code == 404


class TestConditionalReads:
    def test_answer_304_until_something_changes(self, api):
        services.create_product(product=a_lamp())

        for url in ("/api/v1/products/alva", "/api/v1/products?facets=true", "/api/v1/categories"):
            first = api.get(url)
            assert api.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 304, url

        tags = [api.get(url)["ETag"] for url in ("/api/v1/products/alva", "/api/v1/products")]
        services.change_product(slug="alva", changes=ProductChanges(name="New"))
        assert api.get("/api/v1/products/alva", headers={"If-None-Match": tags[0]}).status_code == 200
        assert api.get("/api/v1/products", headers={"If-None-Match": tags[1]}).status_code == 200

    def test_see_a_new_availability(self, api):
        services.create_product(product=a_lamp())
        tag = api.get("/api/v1/products/alva")["ETag"]

        database()["products"].update_one({}, {"$set": {"variants.0.availability.version": 5}})

        assert api.get("/api/v1/products/alva", headers={"If-None-Match": tag}).status_code == 200


class TestWhoMay:
    @pytest.mark.parametrize("scope", ["", "orders profile", "catalog:read", "catalog:writer"])
    @pytest.mark.parametrize(
        ("method", "url"),
        [
            ("post", "/api/v1/products"),
            ("patch", "/api/v1/products/alva"),
            ("delete", "/api/v1/products/alva"),
            ("post", "/api/v1/categories"),
            ("patch", "/api/v1/categories/home"),
            ("delete", "/api/v1/categories/home"),
            ("get", "/api/v1/product-types"),
            ("post", "/api/v1/product-types"),
            ("get", "/api/v1/product-types/lamp"),
            ("patch", "/api/v1/product-types/lamp"),
            ("delete", "/api/v1/product-types/lamp"),
        ],
    )
    def test_change_the_catalog_is_not_everybody(self, api, bearer, method, url, scope):
        services.create_product(product=a_lamp())

        anybody = getattr(api, method)(url, {})
        customer = getattr(api, method)(url, {}, **bearer(scope=scope))

        assert (anybody.status_code, customer.status_code) == (401, 403)

    @pytest.mark.parametrize("status", ["draft", "archived"])
    def test_see_what_is_not_published_is_staff_only(self, api, bearer, status):
        services.create_product(product=a_lamp(status=status))
        credentials = bearer(scope="catalog:write")

        assert api.get("/api/v1/products/alva").status_code == 404
        assert api.get("/api/v1/products").json()["results"] == []
        assert api.get(f"/api/v1/products?status={status}&facets=true").json()["facets"]["categories"] == []
        assert api.get("/api/v1/products/alva", **bearer()).status_code == 404
        assert api.get("/api/v1/products/alva", **credentials).status_code == 200
        found = api.get(f"/api/v1/products?status={status}", **credentials).json()
        assert [product["slug"] for product in found["results"]] == ["alva"]
