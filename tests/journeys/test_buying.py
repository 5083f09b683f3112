"""Many buyers at once, over HTTP: never more sold than there is, one order per key."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import urllib3

from tests.eventually import eventually
from tests.journeys.system import System

ORDERS = "/api/v1/orders"
BUYERS, UNITS = 200, 50


def sell(shop: System, units: int) -> str:
    """A new product with so many units on the shelf; its sku."""
    staff, sku = shop.log_in("staff"), f"RUSH-{uuid4().hex[:8].upper()}"
    product = {
        "slug": sku.lower(),
        "name": "Much wanted",
        "product_type": "book",
        "categories": [],
        "attributes": {"author": "N. Body", "pages": 100, "language": "English", "published": "2026-01-01"},
        "status": "published",
        "variants": [
            {"sku": sku, "attributes": {"binding": "paperback"}, "prices": [{"currency": "EUR", "amount": "10.00"}]}
        ],
    }
    created = shop.call("POST", "/api/v1/products", product, Authorization=staff)
    assert created.status == 201, created.body
    path = f"/api/v1/inventory/stock/{sku}/adjustments"
    body = {"quantity": units, "reason": "received"}
    eventually(lambda: shop.call("POST", path, body, Authorization=staff).status == 201)
    return sku


def buy_at_once(shop: System, sku: str) -> Counter[object]:
    """Everybody orders one; what they were answered."""
    customer = shop.log_in("customer")

    def buy(_: int) -> object:
        answer = shop.call("POST", ORDERS, {"lines": [{"sku": sku, "quantity": 1}]}, Authorization=customer)
        return answer.status if answer.status != 409 else answer.body["code"]

    with ThreadPoolExecutor(16) as pool:
        answers = Counter(pool.map(buy, range(BUYERS)))
    eventually(shop.settled, within=60)
    return answers


def outcome(shop: System, sku: str) -> dict[str, int]:
    """What became of the orders, and what the books say."""
    by_status = "SELECT status, count(*) FROM orders_order WHERE id IN (SELECT order_id FROM orders_orderline WHERE sku = %s) GROUP BY 1"  # noqa: E501
    counters = "SELECT on_hand, reserved FROM inventory_stock WHERE sku = %s"
    ledger = "SELECT sum(on_hand)::int, sum(reserved)::int FROM inventory_ledgerentry WHERE sku = %s"
    assert shop.sql("inventory", counters, sku) == shop.sql("inventory", ledger, sku)
    [(_, reserved)] = shop.sql("inventory", counters, sku)
    return {"reserved": reserved, **dict(shop.sql("orders", by_status, sku))}


class TestTwoHundredBuyersOfFifty:
    def test_get_exactly_fifty(self, embedded: System) -> None:
        sku = sell(embedded, UNITS)

        answers = buy_at_once(embedded, sku)

        found = outcome(embedded, sku)
        assert found["confirmed"] == found["reserved"] == UNITS
        assert answers[201] + answers["out_of_stock"] == BUYERS
        assert found["confirmed"] + found.get("rejected", 0) == answers[201]
        assert embedded.offenders() == []


class TestOneKeyTwentyTimesAtOnce:
    def test_is_one_order_and_one_body(self, embedded: System) -> None:
        shop, customer, key = embedded, embedded.log_in("customer"), uuid4().hex
        order = {"lines": [{"sku": shop.demo()["sku"], "quantity": 1}]}

        with ThreadPoolExecutor(20) as pool:
            answers = list(
                pool.map(
                    lambda _: shop.call("POST", ORDERS, order, Authorization=customer, Idempotency_Key=key), range(20)
                )
            )

        assert {answer.status for answer in answers} == {201}
        assert len({str(answer.body) for answer in answers}) == 1
        assert [answer.headers.get("Idempotent-Replayed") for answer in answers].count("true") == 19
        assert shop.sql("orders", "SELECT count(*) FROM orders_placementclaim WHERE key = %s", key) == [(1,)]


@pytest.mark.parametrize("header", ["", "x" * 256, "snow☃"])
def test_a_key_that_is_none_is_refused(embedded: System, header: str) -> None:
    order = {"lines": [{"sku": embedded.demo()["sku"], "quantity": 1}]}
    encoded = header.encode().decode("latin-1")

    answer = embedded.call("POST", ORDERS, order, Authorization=embedded.log_in("customer"), Idempotency_Key=encoded)

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "Idempotency-Key")


class TestAChunkedBody:
    """As clients send that do not know the length beforehand."""

    def test_is_read_like_any_other(self, embedded: System) -> None:
        order = json.dumps({"lines": [{"sku": embedded.demo()["sku"], "quantity": 1}]}).encode()

        answer = self.send(embedded, [order[:20], order[20:]])

        assert answer.status == 201, answer.data

    def test_is_refused_when_it_is_too_large(self, embedded: System) -> None:
        answer = self.send(embedded, [b'{"note": "', *[b"n" * 65536] * 20, b'"}'])

        assert answer.status == 413

    @staticmethod
    def send(shop: System, pieces: list[bytes]) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": shop.log_in("customer"), "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{shop.port}{ORDERS}"
        http = urllib3.PoolManager(timeout=20, retries=False)
        return http.urlopen("POST", url, body=iter(pieces), headers=headers, chunked=True)
