"""Categories and product types over HTTP."""

import pytest

TYPE = {
    "slug": "chair",
    "name": "Chair",
    "attributes": [
        {"name": "wood", "kind": "choice", "choices": ["oak"], "required": True},
        {"name": "height", "kind": "measure", "unit": "cm", "on": "variant"},
    ],
}


class TestCategories:
    def test_are_listed_along_the_tree(self, api):
        found = api.get("/api/v1/categories?page_size=100").json()

        assert [category["path"] for category in found["results"]] == [
            "clothing",
            "clothing/shirts",
            "home",
            "home/lighting",
            "home/lighting/desk-lamps",
        ]

    def test_are_listed_in_pages(self, api):
        first = api.get("/api/v1/categories?page_size=3").json()
        second = api.get(first["next"]).json()

        assert [len(page["results"]) for page in (first, second)] == [3, 2]
        assert api.get(second["previous"]).json()["results"] == first["results"]

    def test_are_made_changed_and_deleted(self, staff):
        made = staff.post("/api/v1/categories", {"slug": "clamps", "name": "Clamps", "parent": "desk-lamps"})
        moved = staff.patch("/api/v1/categories/clamps", {"parent": None}, headers={"If-Match": made["ETag"]})
        stale = staff.patch("/api/v1/categories/clamps", {"name": "C"}, headers={"If-Match": made["ETag"]})
        gone = staff.delete("/api/v1/categories/clamps")

        assert [answer.status_code for answer in (made, moved, stale, gone)] == [201, 200, 412, 204]
        assert (made.json()["path"], moved.json()["path"]) == ("home/lighting/desk-lamps/clamps", "clamps")

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"slug": "home", "name": "Home"}, 409),
            ({"slug": "new", "name": "New", "parent": "nope"}, 400),
            ({"slug": "new", "name": "New", "parent": {"$ne": None}}, 400),
            ({"slug": "new", "name": "New", "path": "a/b"}, 400),
            ({"slug": "new"}, 400),
        ],
    )
    def test_are_refused_when_they_do_not_fit(self, staff, body, status):
        assert staff.post("/api/v1/categories", body).status_code == status

    def test_stay_while_something_stands_in_them(self, staff):
        answer = staff.delete("/api/v1/categories/home")

        assert (answer.status_code, answer.json()["code"]) == (409, "in_use")

    def test_keep_their_slug(self, staff):
        assert staff.patch("/api/v1/categories/home", {"slug": "house"}).status_code == 400

    def test_that_are_not_there_are_404(self, staff):
        for method in ("get", "patch", "delete"):
            assert getattr(staff, method)("/api/v1/categories/nope", {}).status_code == 404


class TestProductTypes:
    def test_are_made_changed_and_deleted(self, staff):
        made = staff.post("/api/v1/product-types", TYPE)
        changed = staff.patch("/api/v1/product-types/chair", {"name": "Seat"}, headers={"If-Match": made["ETag"]})
        stale = staff.patch("/api/v1/product-types/chair", {"name": "C"}, headers={"If-Match": made["ETag"]})
        listed = staff.get("/api/v1/product-types").json()
        gone = staff.delete("/api/v1/product-types/chair")

        assert [answer.status_code for answer in (made, changed, stale, gone)] == [201, 200, 412, 204]
        assert changed.json()["attributes"] == made.json()["attributes"]
        assert [each["slug"] for each in listed["results"]] == ["chair", "lamp", "shirt"]
        assert made.json()["attributes"][1] == {
            "name": "height",
            "label": "",
            "kind": "measure",
            "unit": "cm",
            "required": False,
            "choices": [],
            "on": "variant",
        }

    @pytest.mark.parametrize(
        "attribute",
        [
            {"name": "$where", "kind": "text"},
            {"name": "a.b", "kind": "text"},
            {"name": "a", "kind": "choice"},
            {"name": "a", "kind": "text", "required": "yes"},
            {"name": "a", "kind": "text", "extra": 1},
            {"name": "a"},
        ],
    )
    def test_are_refused_when_they_do_not_fit(self, staff, attribute):
        answer = staff.post("/api/v1/product-types", TYPE | {"attributes": [attribute]})

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"].startswith("attributes.0")
