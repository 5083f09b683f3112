"""Wrong input of every kind: a clear problem, the stated status, and not a row changed in any database."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.eventually import eventually
from tests.journeys.system import Answer, System

ORDERS, PRODUCTS, ACCOUNTS = "/api/v1/orders", "/api/v1/products", "/api/v1/accounts"
STOCK = "/api/v1/inventory/stock"
SKU = "<a sku for sale>"
DEEP = json.loads("[" * 300 + "]" * 300)


def line(**changes: Any) -> dict[str, Any]:
    return {"lines": [{"sku": SKU, "quantity": 1} | changes]}


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A request that must be refused, and how."""

    name: str
    status: int
    body: Any = None
    path: str = ORDERS
    method: str = "POST"
    who: str = "customer"
    field: str = ""
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


TABLE = [
    # types and ranges
    Wrong("no lines", 400, {}, field="lines"),
    Wrong("empty lines", 400, {"lines": []}, field="lines"),
    Wrong("lines no list", 400, {"lines": {"sku": SKU, "quantity": 1}}, field="lines"),
    Wrong("a line no object", 400, {"lines": ["LAMP"]}, field="lines.0"),
    Wrong("lines null", 400, {"lines": None}, field="lines"),
    Wrong("101 lines", 400, {"lines": [{"sku": f"S{n}", "quantity": 1} for n in range(101)]}, field="lines"),
    Wrong("quantity missing", 400, {"lines": [{"sku": SKU}]}, field="lines.0.quantity"),
    Wrong("quantity zero", 400, line(quantity=0), field="lines.0.quantity"),
    Wrong("quantity negative", 400, line(quantity=-1), field="lines.0.quantity"),
    Wrong("quantity too many", 400, line(quantity=1001), field="lines.0.quantity"),
    Wrong("quantity huge", 400, line(quantity=10**30), field="lines.0.quantity"),
    Wrong("quantity a fraction", 400, line(quantity=1.5), field="lines.0.quantity"),
    Wrong("quantity a text", 400, line(quantity="1"), field="lines.0.quantity"),
    Wrong("quantity true", 400, line(quantity=True), field="lines.0.quantity"),
    Wrong("quantity null", 400, line(quantity=None), field="lines.0.quantity"),
    Wrong("merged quantity too many", 400, {"lines": [{"sku": SKU, "quantity": 600}] * 2}, field="lines.0.quantity"),
    Wrong("sku missing", 400, {"lines": [{"quantity": 1}]}, field="lines.0.sku"),
    Wrong("sku empty", 400, line(sku=""), field="lines.0.sku"),
    Wrong("sku a number", 400, line(sku=7), field="lines.0.sku"),
    Wrong("sku unknown", 400, line(sku="NO-SUCH-THING"), field="lines.0.sku"),
    Wrong("sku too long", 400, line(sku="S" * 65), field="lines.0.sku"),
    Wrong("sku with NUL", 400, line(sku="LA\0MP"), field="lines.0.sku"),
    Wrong("sku an operator", 400, line(sku={"$ne": None}), field="lines.0.sku"),
    Wrong("sku a quote", 400, line(sku="' OR 1=1 --"), field="lines.0.sku"),
    Wrong("price from outside", 400, line(unit_price="0.01"), field="lines.0.unit_price"),
    Wrong("customer from outside", 400, line() | {"customer_id": str(uuid4())}, field="customer_id"),
    Wrong("status from outside", 400, line() | {"status": "confirmed"}, field="status"),
    Wrong("currency unknown", 400, line() | {"currency": "XXX"}, field="currency"),
    Wrong("currency too long", 400, line() | {"currency": "EURO"}, field="currency"),
    Wrong("currency without price", 400, line() | {"currency": "JPY"}, field="lines.0.sku"),
    Wrong("note too long", 400, line() | {"note": "n" * 501}, field="note"),
    Wrong("note no text", 400, line() | {"note": ["a"]}, field="note"),
    # bodies
    Wrong("no JSON", 400, b"{lines:"),
    Wrong("empty body", 400, b""),
    Wrong("NaN", 400, b'{"lines": [{"sku": "A", "quantity": NaN}]}'),
    Wrong("lone surrogate", 400, b'{"lines": [{"sku": "\\ud800", "quantity": 1}]}'),
    Wrong("no UTF-8", 400, b'{"note": "\xff\xfe"}'),
    Wrong("deep nesting", 400, {"lines": DEEP}),
    Wrong("a list at the top", 400, [1, 2, 3]),
    Wrong("a text at the top", 400, "order"),
    Wrong("too large", 413, b'{"note": "' + b"n" * 1_100_000 + b'"}'),
    Wrong("XML", 415, b"<order/>", headers={"Content-Type": "application/xml"}),
    Wrong("form data", 415, b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    # who asks
    Wrong("no token", 401, line(), who=""),
    Wrong("junk token", 401, line(), who="", headers={"Authorization": "Bearer junk"}),
    Wrong("basic login", 401, line(), who="", headers={"Authorization": "Basic YTpi"}),
    Wrong("two tokens", 401, line(), who="", headers={"Authorization": "Bearer a b"}),
    Wrong("no scope for products", 403, {}, path=PRODUCTS),
    Wrong("no scope for stock", 403, {"quantity": 1, "reason": "received"}, path=f"{STOCK}/{SKU}/adjustments"),
    Wrong("no scope to ship", 403, None, path=f"{ORDERS}/{uuid4()}/ship"),
    # places
    Wrong("an order that is none", 404, method="GET", path=f"{ORDERS}/{uuid4()}"),
    Wrong("an id that is none", 404, method="GET", path=f"{ORDERS}/17"),
    Wrong("cancel nothing", 404, None, path=f"{ORDERS}/{uuid4()}/cancel"),
    Wrong("a path that is none", 404, method="GET", path="/api/v1/nothing"),
    Wrong("stock of nothing", 404, method="GET", path=f"{STOCK}/NO-SUCH-THING"),
    Wrong("a method that is none", 405, method="DELETE", path=ORDERS),
    Wrong("put on a list", 405, {}, method="PUT", path=ORDERS),
    # queries
    Wrong("unknown parameter", 400, method="GET", path=f"{ORDERS}?sort=price", field="sort"),
    Wrong("page size zero", 400, method="GET", path=f"{ORDERS}?page_size=0", field="page_size"),
    Wrong("page size huge", 400, method="GET", path=f"{ORDERS}?page_size=1000000000", field="page_size"),
    Wrong(
        "page size of thousands of digits",
        400,
        method="GET",
        path=f"{ORDERS}?page_size={'9' * 5000}",
        field="page_size",
    ),
    Wrong("stock of NUL", 404, method="GET", path=f"{STOCK}/%00"),
    Wrong("page size no number", 400, method="GET", path=f"{ORDERS}?page_size=ten", field="page_size"),
    Wrong("forged cursor", 400, method="GET", path=f"{ORDERS}?cursor=W1swXV0", field="cursor"),
    Wrong("unknown status", 400, method="GET", path=f"{ORDERS}?status=lost", field="status"),
    Wrong("operator in a query", 400, method="GET", path=f"{PRODUCTS}?price[$gt]=0", field="price[$gt]"),
    Wrong("price no number", 400, method="GET", path=f"{PRODUCTS}?min_price=cheap&currency=EUR", field="min_price"),
    # accounts
    Wrong("no address", 400, {"email": "nobody", "password": "correct horse battery"}, path=f"{ACCOUNTS}/register"),
    Wrong("weak password", 400, {"email": "a@b.example", "password": "short"}, path=f"{ACCOUNTS}/register"),
    Wrong("wrong password", 400, {"email": "a@b.example", "password": "wrong"}, path=f"{ACCOUNTS}/token"),
    Wrong("junk refresh", 400, {"refresh_token": "junk"}, path=f"{ACCOUNTS}/token/refresh"),
    Wrong("staff by oneself", 400, {"is_staff": True}, method="PATCH", path=f"{ACCOUNTS}/me", field="is_staff"),
    # keys
    Wrong("key too long", 400, line(), headers={"Idempotency-Key": "k" * 256}, field="Idempotency-Key"),
]

COUNTED = {
    "orders": ["orders_order", "orders_orderline", "orders_placementclaim", "event_log", "web_idempotencykey"],
    "inventory": ["inventory_stock", "inventory_ledgerentry", "inventory_reservation", "event_log"],
    "accounts": ["accounts_customer", "event_log"],
}


UNTOLD = "SELECT 1 FROM inventory_untoldlevel LIMIT 1"


def rows(shop: System) -> dict[str, int]:
    """How many rows there are of everything that a request could write."""
    found = {}
    for app, tables in COUNTED.items():
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
        [row] = shop.sql(app, f"SELECT {counts}")
        found |= {f"{app}.{table}": count for table, count in zip(tables, row, strict=True)}
    return found


def send(shop: System, wrong: Wrong, authorization: Callable[[str], str]) -> Answer:
    sku = shop.demo()["sku"]
    headers = {"Authorization": authorization(wrong.who)} if wrong.who else {}
    body = wrong.body
    if body is not None and not isinstance(body, bytes):
        body = json.loads(json.dumps(body).replace(SKU, sku))
    return shop.call(wrong.method, wrong.path.replace(SKU, sku), body, **headers, **wrong.headers)


@pytest.fixture(scope="module")
def authorization(embedded: System) -> Callable[[str], str]:
    # What others bought in this shop is told by and by, and must not be counted as told because of us.
    eventually(lambda: embedded.settled() and not embedded.sql("inventory", UNTOLD))
    known = {"customer": embedded.log_in("customer")}
    return known.__getitem__


class TestWrongInput:
    @pytest.mark.parametrize("wrong", TABLE, ids=lambda wrong: wrong.name)
    def test_is_refused_clearly_and_changes_nothing(
        self, embedded: System, authorization: Callable[[str], str], wrong: Wrong
    ) -> None:
        before = rows(embedded)

        answer = send(embedded, wrong, authorization)

        assert (answer.status, answer.headers["Content-Type"]) == (wrong.status, "application/problem+json"), answer
        assert answer.body.keys() >= {"type", "title", "status", "detail", "instance", "trace_id"}
        assert answer.body["trace_id"] == answer.headers["X-Request-ID"]
        if wrong.field:
            assert wrong.field in {error["field"] for error in answer.body["errors"]}
        if wrong.status == 401:
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert rows(embedded) == before

    def test_of_another_customer_is_absent(self, embedded: System) -> None:
        stranger = {"email": f"{uuid4().hex}@customers.example", "password": "correct horse battery staple"}
        embedded.call("POST", f"{ACCOUNTS}/register", stranger)
        token = embedded.call("POST", f"{ACCOUNTS}/token", stranger).body["access_token"]
        [(theirs,)] = embedded.sql("orders", "SELECT id FROM orders_order LIMIT 1")

        answers = [
            embedded.call(method, f"{ORDERS}/{theirs}{rest}", Authorization=f"Bearer {token}")
            for method, rest in [("GET", ""), ("GET", "/events"), ("POST", "/cancel")]
        ]

        assert [answer.status for answer in answers] == [404, 404, 404]
