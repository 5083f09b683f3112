"""The HTTP contract of inventory."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from nexus.inventory.models import LedgerEntry
from tests.conftest import Bearer
from tests.inventory.conftest import Stockroom

pytestmark = pytest.mark.django_db(databases=["inventory"])
STOCK = "/api/v1/inventory/stock"
LAMP = f"{STOCK}/LAMP"
ADJUST = f"{LAMP}/adjustments"


@pytest.fixture
def keeper(api: APIClient, bearer: Bearer, stockroom: Stockroom) -> APIClient:
    """A stock keeper's client, with five lamps on the shelf."""
    stockroom.has(LAMP=5)
    api.credentials(**bearer(scope="inventory:write"))
    return api


class TestReadingStock:
    def test_is_open_to_anyone(self, api: APIClient, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)

        body = api.get(LAMP).json()

        assert {name: body[name] for name in ("sku", "available", "in_stock", "source")} == {
            "sku": "LAMP",
            "available": 5,
            "in_stock": True,
            "source": "database",
        }
        assert api.get(LAMP).json()["source"] == "cache"

    def test_of_many_leaves_out_the_unknown(self, api: APIClient, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5, SHADE=0)

        results = api.get(f"{STOCK}?sku=SHADE&sku=GHOST&sku=LAMP").json()["results"]

        assert [(level["sku"], level["available"]) for level in results] == [("SHADE", 0), ("LAMP", 5)]

    @pytest.mark.parametrize("query", ["", "?sku=", "?" + "&".join(f"sku=S{n}" for n in range(101)), "?sku=A%00B"])
    def test_of_none_or_too_many_is_400(self, api: APIClient, stockroom: Stockroom, query: str) -> None:
        answer = api.get(f"{STOCK}{query}")

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "sku")

    def test_of_an_unknown_sku_is_404(self, api: APIClient, stockroom: Stockroom) -> None:
        assert api.get(f"{STOCK}/GHOST").status_code == 404

    def test_answers_304_until_it_changes(self, keeper: APIClient) -> None:
        keeper.get(LAMP)
        etag = keeper.get(LAMP)["ETag"]

        assert keeper.get(LAMP, headers={"If-None-Match": etag}).status_code == 304


class TestTimeTravel:
    def test_tells_the_level_of_an_instant(self, keeper: APIClient) -> None:
        between = quote(datetime.now(UTC).isoformat())
        keeper.post(ADJUST, {"quantity": -2, "reason": "damaged"})
        after = quote(datetime.now(UTC).isoformat())

        levels = [keeper.get(f"{LAMP}?at={instant}").json()["available"] for instant in (between, after)]

        assert levels == [5, 3]

    @pytest.mark.parametrize(
        "instant", ["yesterday", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "", "0001-01-01T00:00:00%2B23:59"]
    )
    def test_refuses_what_is_no_instant(self, keeper: APIClient, instant: str) -> None:
        assert keeper.get(f"{LAMP}?at={instant}").status_code == 400

    def test_is_for_stock_keepers(self, api: APIClient, stockroom: Stockroom) -> None:
        assert api.get(f"{LAMP}?at=2026-01-01T00:00:00Z").status_code == 401


class TestAdjusting:
    def test_is_written_in_the_ledger(self, keeper: APIClient) -> None:
        answer = keeper.post(ADJUST, {"quantity": 24, "reason": "received", "note": "pallet 7"})

        assert answer.status_code == 201
        newest = keeper.get(f"{LAMP}/ledger").json()["results"][0]
        assert (newest["on_hand"], newest["reason"], newest["note"]) == (24, "received", "pallet 7")
        assert newest == answer.json()

    def test_below_what_is_set_aside_is_409(self, keeper: APIClient, stockroom: Stockroom) -> None:
        stockroom.reserve(LAMP=4)

        answer = keeper.post(ADJUST, {"quantity": -2, "reason": "damaged"})

        assert (answer.status_code, answer.json()["code"]) == (409, "below_reserved")
        assert stockroom.on_hand() == {"LAMP": 5}

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"reason": "received"}, "quantity"),
            ({"quantity": 0, "reason": "received"}, "quantity"),
            ({"quantity": "1", "reason": "received"}, "quantity"),
            ({"quantity": 1.5, "reason": "received"}, "quantity"),
            ({"quantity": True, "reason": "received"}, "quantity"),
            ({"quantity": 10**18, "reason": "received"}, "quantity"),
            ({"quantity": 1}, "reason"),
            ({"quantity": 1, "reason": "because"}, "reason"),
            ({"quantity": 1, "reason": "reserved"}, "reason"),
            ({"quantity": 1, "reason": "received", "note": "n" * 301}, "note"),
            ({"quantity": 1, "reason": "received", "sku": "OTHER"}, "sku"),
        ],
        ids=str,
    )
    def test_refuses_wrong_input_and_changes_nothing(
        self, keeper: APIClient, stockroom: Stockroom, body: dict[str, object], field: str
    ) -> None:
        answer = keeper.post(ADJUST, body)

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
        assert stockroom.on_hand() == {"LAMP": 5}

    def test_at_an_unknown_place_is_400(self, keeper: APIClient) -> None:
        answer = keeper.post(ADJUST, {"quantity": 1, "reason": "received", "location": "moon"})

        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_location")

    def test_happens_once_per_key(self, keeper: APIClient, stockroom: Stockroom) -> None:
        body = {"quantity": 1, "reason": "received"}

        answers = [keeper.post(ADJUST, body, headers={"Idempotency-Key": "pallet-7"}) for _ in range(3)]

        assert {answer.content for answer in answers} == {answers[0].content}
        assert stockroom.on_hand() == {"LAMP": 6}

    def test_needs_its_scope(self, api: APIClient, bearer: Bearer, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)

        answers = [api.post(ADJUST, {"quantity": 1, "reason": "received"}, **headers) for headers in ({}, bearer())]

        assert [answer.status_code for answer in answers] == [401, 403]


class TestLocations:
    def test_can_be_added_and_listed(self, keeper: APIClient) -> None:
        created = keeper.post("/api/v1/inventory/locations", {"code": "annex", "name": "Annex"})

        assert created.status_code == 201
        codes = [place["code"] for place in keeper.get("/api/v1/inventory/locations").json()["results"]]
        assert codes == ["main", "annex"]

    def test_have_codes_of_their_own(self, keeper: APIClient) -> None:
        answer = keeper.post("/api/v1/inventory/locations", {"code": "main", "name": "Again"})

        assert (answer.status_code, answer.json()["code"]) == (409, "location_exists")


def test_every_movement_is_signed(keeper: APIClient) -> None:
    keeper.post(ADJUST, {"quantity": 1, "reason": "received"})

    assert LedgerEntry.objects.order_by("-id")[0].actor
