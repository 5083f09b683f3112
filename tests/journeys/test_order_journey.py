"""A customer's order from HTTP to reserved stock: in one process, in many, with every app alone behind the gateway."""

import time
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from nexus.orders.api.stream import LONGEST
from tests.eventually import eventually
from tests.journeys.system import System
from tests.journeys.watching import events_of


@pytest.fixture(params=["embedded", "distributed", "services"])
def shop(request: pytest.FixtureRequest) -> System:
    system: System = request.getfixturevalue(request.param)
    return system


def stock_everywhere(shop: System, sku: str, slug: str) -> dict[str, Any]:
    """How many can be sold, as Postgres, the cache and the product document have it."""
    level = shop.call("GET", f"/api/v1/inventory/stock/{sku}").body
    product = shop.call("GET", f"/api/v1/products/{slug}").body
    variant = next(variant for variant in product["variants"] if variant["sku"] == sku)
    [(database,)] = shop.sql("inventory", "SELECT on_hand - reserved FROM inventory_stock WHERE sku = %s", sku)
    return {
        "postgres": database,
        "cache": level["available"],
        "source": level["source"],
        "document": variant["availability"]["available"],
    }


def slug_of(shop: System, sku: str) -> str:
    found = shop.call("GET", f"/api/v1/products?search={sku}").body["results"]
    slugs = [each["slug"] for each in found if any(variant["sku"] == sku for variant in each["variants"])]
    assert slugs, f"{sku} is in no product found"
    slug: str = slugs[0]
    return slug


def ask_for_stream(browser: HTTPConnection, order_id: str, customer: str, seen: str) -> HTTPResponse:
    headers = {"Authorization": customer, "Accept": "text/event-stream", "Last-Event-ID": seen}
    browser.request("GET", f"/api/v1/orders/{order_id}/stream", headers=headers)
    return browser.getresponse()


class TestPlacingAnOrder:
    def test_comes_back_confirmed_to_whoever_waits(self, shop: System) -> None:
        order = {"lines": [{"sku": shop.demo()["sku"], "quantity": 1}]}

        answer = shop.call("POST", "/api/v1/orders", order, Authorization=shop.log_in("customer"), Prefer="wait=10")

        assert (answer.status, answer.body["status"]) == (201, "confirmed"), answer.body
        assert answer.headers["Preference-Applied"] == "wait=10"

    def test_is_told_as_it_happens_to_whoever_watches(self, shop: System) -> None:
        customer, order = shop.log_in("customer"), {"lines": [{"sku": shop.demo()["sku"], "quantity": 1}]}
        placed = shop.call("POST", "/api/v1/orders", order, Authorization=customer)
        streams, seen, began = list[list[Any]](), "", time.monotonic()
        with closing(HTTPConnection("127.0.0.1", shop.port, timeout=30)) as browser:
            # A stream that ends is asked for again, until there is nothing more.
            while (stream := ask_for_stream(browser, placed.body["id"], customer, seen)).status == 200:
                assert stream.headers["Content-Type"] == "text/event-stream"
                streams.append([each for _, each in events_of(stream)])
                seen = str(streams[-1][-1]["version"]) if streams[-1] else seen

        told = [each for events in streams for each in events]
        assert stream.status == 204
        assert [each["status"] for each in told] in (["placed", "confirmed"], ["confirmed"])
        assert told[-1] == shop.call("GET", f"/api/v1/orders/{placed.body['id']}", Authorization=customer).body
        # Only one that takes long is told in more than one stream.
        assert len(streams) == 1 or time.monotonic() - began > LONGEST

    def test_lowers_the_stock_everywhere_by_that_quantity(self, shop: System) -> None:
        sku = shop.demo()["sku"]
        slug = slug_of(shop, sku)
        customer = shop.log_in("customer")
        [(before,)] = shop.sql("inventory", "SELECT on_hand - reserved FROM inventory_stock WHERE sku = %s", sku)

        order = {"lines": [{"sku": sku, "quantity": 2}]}
        shop.call("POST", "/api/v1/orders", order, Authorization=customer, Prefer="wait=10")

        left = before - 2
        lowered = {"postgres": left, "cache": left, "source": "cache", "document": left}
        assert eventually(lambda: stock_everywhere(shop, sku, slug) == lowered)

    def test_is_one_story_with_one_correlation_id(self, shop: System) -> None:
        order = {"lines": [{"sku": shop.demo()["sku"], "quantity": 1}]}
        answer = shop.call(
            "POST",
            "/api/v1/orders",
            order,
            Authorization=shop.log_in("customer"),
            Prefer="wait=10",
            X_Request_ID="journey-0123456789",
        )

        told = [
            row
            for app in ("orders", "inventory")
            for row in shop.sql(
                app, "SELECT type, correlation_id FROM event_log WHERE subject = %s ORDER BY time", answer.body["id"]
            )
        ]

        assert [kind.split(".")[1] for kind, _ in told] == ["order-placed", "order-confirmed", "stock-reserved"]
        assert {correlation for _, correlation in told} == {"journey-0123456789"}

    def test_cancelled_puts_the_stock_back(self, shop: System) -> None:
        sku, customer = shop.demo()["sku"], shop.log_in("customer")
        level = f"/api/v1/inventory/stock/{sku}"
        before = shop.call("GET", level).body["available"]
        order = {"lines": [{"sku": sku, "quantity": 3}]}
        placed = shop.call("POST", "/api/v1/orders", order, Authorization=customer, Prefer="wait=10").body

        cancelled = shop.call("POST", f"/api/v1/orders/{placed['id']}/cancel", Authorization=customer)

        assert cancelled.body["status"] == "cancelled"
        assert eventually(lambda: shop.call("GET", level).body["available"] == before)

    def test_by_the_originals_paths_reaches_the_same_orders(self, shop: System) -> None:
        customer = shop.log_in("customer")

        answers = [
            shop.call("GET", f"{path}?page_size=2", Authorization=customer)
            for path in ("/api/v1/orders", "/api/orders", "/api/orders/")
        ]

        ids = [[order["id"] for order in answer.body["results"]] for answer in answers]
        assert ids[0] == ids[1] == ids[2]

    def test_leaves_every_promise_kept(self, shop: System) -> None:
        assert eventually(shop.settled)
        assert shop.offenders() == []
