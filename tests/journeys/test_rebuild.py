"""Everything derived can be thrown away and made again, while customers go on buying."""

import threading
from io import StringIO

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from nexus.contracts.inventory import StockLevelChanged
from nexus.eventbus.read_models import digest_of
from nexus.eventbus.rebuilding import SourceElsewhere, find_read_models, from_log
from nexus.eventbus.registry import members
from nexus.eventbus.verification import verify
from tests.conftest import Bearer
from tests.eventually import eventually
from tests.journeys.system import System
from tests.journeys.trading import DATABASES

MODELS = ["orders", "prices", "stock-hints", "counters", "stock-cache", "availability", "search"]
in_process = pytest.mark.django_db(databases=DATABASES, transaction=True)


@in_process
class TestEveryReadModel:
    def test_is_named(self) -> None:
        out = StringIO()

        call_command("rebuild", stdout=out)

        assert sorted(find_read_models()) == sorted(MODELS)
        assert all(f"{name} " in out.getvalue() for name in MODELS)

    @pytest.mark.parametrize("name", MODELS)
    def test_comes_back_to_the_letter_when_it_was_dropped(self, traded: None, name: str) -> None:
        model = find_read_models()[name]
        before = digest_of(model)
        model.drop()
        dropped = digest_of(model)

        pages = list(model.rebuild())

        assert dropped != before
        assert digest_of(model) == before
        assert sum(pages) > 0

    @pytest.mark.parametrize("name", MODELS)
    def test_is_left_as_it_is_when_it_is_right(self, traded: None, name: str) -> None:
        out = StringIO()

        call_command("rebuild", name, stdout=out)

        assert "identical" in out.getvalue()

    def test_leaves_nothing_for_verify_to_find(self, traded: None) -> None:
        call_command("rebuild", "all", "--drop", stdout=StringIO())

        assert [finding for finding in verify(within=0) if finding.count] == []

    def test_needs_the_log_it_is_made_from(self, traded: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(members, "inventory")

        with pytest.raises(SourceElsewhere, match="log of inventory"):
            list(from_log("orders", StockLevelChanged)())


@in_process
class TestWithoutPrices:
    def test_an_order_is_asked_to_come_again_not_told_that_nothing_is_for_sale(
        self, traded: None, api: APIClient, bearer: Bearer
    ) -> None:
        order, headers = {"lines": [{"sku": "LAMP", "quantity": 1}]}, bearer()
        prices = find_read_models()["prices"]
        prices.drop()

        meanwhile = api.post("/api/v1/orders", order, **headers)
        list(prices.rebuild())
        afterwards = api.post("/api/v1/orders", order, **headers)

        assert (meanwhile.status_code, meanwhile.json()["code"]) == (503, "prices_incomplete")
        assert meanwhile.headers["Retry-After"] == "1"
        assert afterwards.status_code == 201

    def test_what_never_was_for_sale_is_still_refused_once_they_are_back(
        self, traded: None, api: APIClient, bearer: Bearer
    ) -> None:
        list(find_read_models()["prices"].rebuild())

        answer = api.post("/api/v1/orders", {"lines": [{"sku": "NONE", "quantity": 1}]}, **bearer())

        assert (answer.status_code, answer.json()["code"]) == (400, "not_for_sale")


class Customer:
    """Buys one thing after the other, reads what it bought and what there is, and remembers every answer."""

    def __init__(self, shop: System) -> None:
        self._shop, self._stop = shop, threading.Event()
        self._headers = {"Authorization": shop.log_in("customer")}
        self.answers: list[tuple[str, int, str]] = []
        self._thread = threading.Thread(target=self._go_on)

    def __enter__(self) -> "Customer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def count(self, what: str, status: int) -> int:
        return sum(1 for asked, answered, _ in self.answers if (asked, answered) == (what, status))

    def _go_on(self) -> None:
        sku = self._shop.demo()["sku"]
        while not self._stop.is_set():
            placed = self._call("order", "POST", "/api/v1/orders", {"lines": [{"sku": sku, "quantity": 1}]})
            if placed:
                self._call("read", "GET", f"/api/v1/orders/{placed['id']}")
            self._call("stock", "GET", f"/api/v1/inventory/stock/{sku}")
            self._call("list", "GET", "/api/v1/products?in_stock=true&ordering=name")
            self._call("orders", "GET", "/api/v1/orders")

    def _call(self, what: str, method: str, path: str, body: object = None) -> dict[str, str] | None:
        answer = self._shop.call(method, path, body, **self._headers)
        self.answers.append((what, answer.status, answer.headers.get("Retry-After", "")))
        return answer.body if answer.status == 201 else None


class TestWhileCustomersBuy:
    def test_all_of_it_is_dropped_and_made_again_and_no_request_fails(self, embedded: System) -> None:
        # More than can be bought while it is made: what is sold out is refused, and rightly so.
        embedded.receive(10_000)
        with Customer(embedded) as customer:
            eventually(lambda: customer.count("order", 201) > 20, within=60)
            embedded.manage("rebuild", "all", "--drop")
            so_far = customer.count("order", 201)
            eventually(lambda: customer.count("order", 201) > so_far + 20, within=60)
        eventually(embedded.settled, within=60)

        embedded.manage("verify", "--within", "60")
        failures = {(what, status) for what, status, _ in customer.answers if status not in (200, 201)}
        # Stated: while prices are being made again, an order is asked to come again in a second.
        assert failures <= {("order", 503)}
        assert {wait for what, status, wait in customer.answers if status == 503} <= {"1"}
        assert embedded.offenders() == []
