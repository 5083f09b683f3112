"""The HTTP contract of orders."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from nexus.contracts.inventory import StockReserved
from nexus.orders.models import Order
from tests.conftest import Bearer
from tests.orders.conftest import Shop

pytestmark = pytest.mark.django_db(databases=["orders"])
ORDERS = "/api/v1/orders"
TWO_LAMPS = {"lines": [{"sku": "LAMP", "quantity": 2}]}


@pytest.fixture
def customer(api: APIClient, bearer: Bearer, shop: Shop) -> APIClient:
    """A signed-in customer in a shop that sells lamps."""
    api.credentials(**bearer(shop.customer_id))
    return api


class TestPlacing:
    def test_answers_201_with_the_order_and_where_it_is(self, customer: APIClient) -> None:
        answer = customer.post(ORDERS, TWO_LAMPS)

        order = answer.json()
        assert answer.status_code == 201
        assert answer["Location"] == f"{ORDERS}/{order['id']}"
        assert (order["status"], order["total"], order["currency"]) == ("placed", "39.80", "EUR")
        assert order["lines"] == [
            {"sku": "LAMP", "name": "LAMP", "quantity": 2, "unit_price": "19.90", "line_total": "39.80"}
        ]

    def test_takes_the_currency_asked_for(self, customer: APIClient) -> None:
        order = customer.post(ORDERS, TWO_LAMPS | {"currency": "USD"}).json()

        assert (order["total"], order["currency"]) == ("43.80", "USD")

    def test_merges_equal_skus(self, customer: APIClient) -> None:
        lines = [{"sku": "LAMP", "quantity": 1}, {"sku": "SHADE", "quantity": 1}, {"sku": "LAMP", "quantity": 2}]

        order = customer.post(ORDERS, {"lines": lines}).json()

        assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [("LAMP", 3), ("SHADE", 1)]

    def test_ignores_nothing_that_it_does_not_know(self, customer: APIClient) -> None:
        answer = customer.post(ORDERS, TWO_LAMPS | {"total": "0.01"})

        assert answer.status_code == 400
        assert answer.json()["errors"][0] == {"field": "total", "code": "unknown", "message": "There is no such field."}

    def test_works_with_and_without_trailing_slash(self, customer: APIClient) -> None:
        answers = [customer.post(path, TWO_LAMPS) for path in (ORDERS, f"{ORDERS}/")]

        assert [answer.status_code for answer in answers] == [201, 201]

    def test_replays_the_first_answer_to_its_key(self, customer: APIClient) -> None:
        first = customer.post(ORDERS, TWO_LAMPS, headers={"Idempotency-Key": "abc"})
        again = customer.post(ORDERS, TWO_LAMPS, headers={"Idempotency-Key": "abc"})

        assert (first.status_code, again.status_code) == (201, 201)
        assert again.content == first.content
        assert again["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first

    def test_refuses_the_key_with_another_body(self, customer: APIClient) -> None:
        customer.post(ORDERS, TWO_LAMPS, headers={"Idempotency-Key": "abc"})

        answer = customer.post(ORDERS, {"lines": [{"sku": "LAMP", "quantity": 3}]}, headers={"Idempotency-Key": "abc"})

        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


class TestReading:
    def test_shows_only_ones_own(self, customer: APIClient, shop: Shop, stranger: Any) -> None:
        theirs = shop.places(LAMP=1, customer_id=stranger)

        answers = [customer.get(f"{ORDERS}/{theirs.id}{rest}") for rest in ("", "/events")]
        cancelled = customer.post(f"{ORDERS}/{theirs.id}/cancel")

        assert {answer.status_code for answer in [*answers, cancelled]} == {404}
        assert customer.get(ORDERS).json()["results"] == []

    def test_answers_304_to_whoever_has_it_already(self, customer: APIClient, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        etag = customer.get(f"{ORDERS}/{order.id}")["ETag"]

        unchanged = customer.get(f"{ORDERS}/{order.id}", headers={"If-None-Match": etag})
        shop.hears(StockReserved(order_id=order.id))
        changed = customer.get(f"{ORDERS}/{order.id}", headers={"If-None-Match": etag})

        assert (unchanged.status_code, changed.status_code) == (304, 200)

    def test_pages_through_all_without_gap_or_repeat(self, customer: APIClient, shop: Shop) -> None:
        placed = [str(shop.places(LAMP=1).id) for _ in range(7)]

        seen, url = [], f"{ORDERS}?page_size=3"
        while url:
            page = customer.get(url).json()
            seen += [order["id"] for order in page["results"]]
            url = page["next"]

        assert seen == placed[::-1]

    def test_leads_back_the_way_it_came(self, customer: APIClient, shop: Shop) -> None:
        for _ in range(5):
            shop.places(LAMP=1)
        first = customer.get(f"{ORDERS}?page_size=2").json()
        second = customer.get(first["next"]).json()

        assert customer.get(second["previous"]).json()["results"] == first["results"]

    def test_tells_the_whole_story(self, customer: APIClient, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        shop.hears(StockReserved(order_id=order.id))

        told = customer.get(f"{ORDERS}/{order.id}/events").json()["results"]

        assert [event["type"] for event in told] == ["orders.order-placed.v1", "orders.order-confirmed.v1"]


class TestAtAnInstant:
    def test_shows_the_order_as_it_was(self, customer: APIClient, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        shop.hears(StockReserved(order_id=order.id))
        placed_at = order.placed_at.isoformat()

        then, now = (customer.get(f"{ORDERS}/{order.id}", query) for query in ({"at": placed_at}, {}))

        assert (then.json()["status"], then.json()["version"]) == ("placed", 1)
        assert (now.json()["status"], now.json()["version"]) == ("confirmed", 2)

    def test_is_404_before_it_was_placed(self, customer: APIClient, shop: Shop) -> None:
        order = shop.places(LAMP=1)

        assert customer.get(f"{ORDERS}/{order.id}", {"at": "2020-01-01T00:00:00Z"}).status_code == 404

    def test_is_404_for_somebody_else(self, api: APIClient, bearer: Bearer, shop: Shop) -> None:
        order = shop.places(LAMP=1)

        answer = api.get(f"{ORDERS}/{order.id}", {"at": "2100-01-01T00:00:00Z"}, **bearer(uuid4()))

        assert answer.status_code == 404

    @pytest.mark.parametrize("at", ["", "now", "2026-01-31T12:00:00", "0001-01-01T00:00:00+23:59"])
    def test_wants_a_time_with_its_zone(self, customer: APIClient, shop: Shop, at: str) -> None:
        order = shop.places(LAMP=1)

        answer = customer.get(f"{ORDERS}/{order.id}", {"at": at})

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "at")


class TestSteps:
    def test_of_staff_need_their_scope(self, customer: APIClient, shop: Shop) -> None:
        order = shop.places(LAMP=1)

        answers = [customer.post(f"{ORDERS}/{order.id}/{step}") for step in ("ship", "deliver", "return")]

        assert {answer.status_code for answer in answers} == {403}

    def test_of_staff_move_the_order_on(self, api: APIClient, bearer: Bearer, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        shop.hears(StockReserved(order_id=order.id))
        api.credentials(**bearer(scope="orders:manage"))

        statuses = [api.post(f"{ORDERS}/{order.id}/{step}").json()["status"] for step in ("ship", "deliver", "return")]

        assert statuses == ["shipped", "delivered", "returned"]

    def test_out_of_turn_are_a_conflict(self, api: APIClient, bearer: Bearer, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        api.credentials(**bearer(scope="orders:manage"))

        answer = api.post(f"{ORDERS}/{order.id}/ship")

        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_status")

    def test_are_taken_once_per_key(self, customer: APIClient, shop: Shop) -> None:
        order = shop.places(LAMP=1)

        answers = [customer.post(f"{ORDERS}/{order.id}/cancel", headers={"Idempotency-Key": "stop"}) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[1]["Idempotent-Replayed"] == "true"
        assert shop.story_of(order) == ["placed", "cancelled"]


class TestTokens:
    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": 1},
            {"aud": "elsewhere"},
            {"iss": "https://evil.example"},
            {"header": {"kid": "unknown"}},
            {"header": {"typ": "JWT"}},
            {"sub": "nobody"},
        ],
        ids=str,
    )
    def test_that_are_not_good_are_401_with_a_challenge(
        self, api: APIClient, bearer: Bearer, shop: Shop, claims: dict[str, Any]
    ) -> None:
        answer = api.get(ORDERS, **bearer(shop.customer_id, **claims))

        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer["Content-Type"] == "application/problem+json"

    def test_without_the_scope_are_403(self, api: APIClient, bearer: Bearer) -> None:
        assert api.get(ORDERS, **bearer(scope="profile")).status_code == 403

    def test_of_clients_are_no_customers(self, api: APIClient, bearer: Bearer) -> None:
        answer = api.get(ORDERS, **bearer(sub="warehouse", client_id="warehouse", scope="orders"))

        assert answer.status_code == 403

    def test_are_asked_for(self, api: APIClient) -> None:
        answer = api.post(ORDERS, TWO_LAMPS)

        assert answer.status_code == 401
        assert not Order.objects.exists()


class TestPreferWait:
    def test_answers_at_once_when_it_is_settled_already(self, customer: APIClient, shop: Shop) -> None:
        first = customer.post(ORDERS, TWO_LAMPS, headers={"Idempotency-Key": "abc"}).json()
        shop.hears(StockReserved(order_id=first["id"]))

        answer = customer.post(ORDERS, TWO_LAMPS, headers={"Idempotency-Key": "abc", "Prefer": "wait=0"})

        assert answer.json()["status"] == "placed"

    def test_is_ignored_when_it_makes_no_sense(self, customer: APIClient) -> None:
        answer = customer.post(ORDERS, TWO_LAMPS, headers={"Prefer": "wait=soon"})

        assert answer.status_code == 201
        assert "Preference-Applied" not in answer

    def test_answers_anyway_when_the_time_is_up(self, customer: APIClient) -> None:
        answer = customer.post(ORDERS, TWO_LAMPS, headers={"Prefer": "wait=1"})

        assert answer.json()["status"] == "placed"
        assert answer["Preference-Applied"] == "wait=1"


def test_an_absent_order_is_404(customer: APIClient) -> None:
    answer = customer.get(f"{ORDERS}/{uuid4()}")

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


class TestInABrowser:
    def test_a_refusal_is_a_page_too(self, api: APIClient) -> None:
        answer = api.get(ORDERS, headers={"Accept": "text/html"})

        assert (answer.status_code, answer["Content-Type"]) == (401, "text/html; charset=utf-8")

    def test_the_form_to_place_an_order_shows_its_fields(self, customer: APIClient) -> None:
        page = customer.get(ORDERS, headers={"Accept": "text/html"}).content.decode()

        assert "&quot;lines&quot;" in page
