"""The list of products over HTTP."""

import pytest

from nexus.catalog import services

from .conftest import a_lamp, a_variant


class TestListProducts:
    @pytest.fixture(autouse=True)
    def _three(self, catalog):
        for number, price in enumerate([1000, 2000, 3000]):
            variant = a_variant(f"L-{number}", prices={"EUR": price}, attributes={"finish": "brass"})
            services.create_product(product=a_lamp(slug=f"lamp-{number}", name=f"Lamp {number}", variants=[variant]))

    def test_follows_next_and_previous(self, api):
        first = api.get("/api/v1/products?ordering=price&page_size=2").json()
        second = api.get(first["next"]).json()
        back = api.get(second["previous"]).json()

        assert [product["slug"] for product in first["results"] + second["results"]] == ["lamp-0", "lamp-1", "lamp-2"]
        assert (back["results"], second["next"], first["previous"]) == (first["results"], None, None)

    def test_reads_the_filters(self, api):
        url = "/api/v1/products?search=lamp&category=home&currency=EUR&min_price=15&max_price=30.00&in_stock=false"

        found = api.get(f"{url}&attr.finish=brass&attr.finish=black&ordering=-price&facets=true").json()

        assert [product["slug"] for product in found["results"]] == ["lamp-2", "lamp-1"]
        assert found["facets"]["categories"][0] == {"slug": "desk-lamps", "name": "Desk-lamps", "count": 2}
        assert found["facets"]["attributes"] == {"finish": [{"value": "brass", "count": 2}]}
        assert found["facets"]["price"] == {
            "currency": "EUR",
            "min": "10.00",
            "max": "30.00",
            "ranges": [
                {"from": "10.00", "below": "25.00", "count": 2},
                {"from": "25.00", "below": "50.00", "count": 1},
            ],
        }

    def test_has_facets_only_when_asked(self, api):
        assert "facets" not in api.get("/api/v1/products?facets=false").json()

    @pytest.mark.parametrize(
        "query",
        [
            "colour=red",
            "page_size=0",
            "page_size=101",
            "cursor=abc",
            "in_stock=maybe",
            "facets=1",
            "min_price=-1",
            "min_price=1.999",
            "min_price=abc",
            "currency=XXX",
            "currency=eur",
            "ordering=password",
            "status=gone",
            "search=a&search=b",
            "search=" + "a" * 201,
            "attr.=red",
            "attr.Color=red",
            "&".join(f"attr.a{n}=1" for n in range(11)),
        ],
    )
    def test_refuses_what_it_does_not_know(self, api, query):
        answer = api.get(f"/api/v1/products?{query}")

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] in query + "attr"

    def test_refuses_the_cursor_of_another_ordering(self, api):
        follow = api.get("/api/v1/products?ordering=price&page_size=1").json()["next"]

        assert api.get(follow.replace("ordering=price", "ordering=name")).status_code == 400
