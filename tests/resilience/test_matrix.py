"""
What a customer and a clerk experience while something that the shop depends on is in trouble: the table says it.

Each row is a dependency and a fault, each column something that somebody does. A request never hangs, the shop mends
itself when the fault is over, and no order that was taken meanwhile is lost.
"""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.eventually import eventually
from tests.journeys.system import Answer
from tests.resilience.shop import FAULTS, ORDERS, ProxiedShop, Staff

MATRIX = """
dependency  fault      list  detail  stock        order  orders page  log in  alive  ready
rabbitmq    down       200   200     200          201    200          200     200    200
rabbitmq    slow       200   200     200          201    200          200     200    200
rabbitmq    reset      200   200     200          201    200          200     200    200
rabbitmq    half-open  200   200     200          201    200          200     200    200
rabbitmq    silent     200   200     200          201    200          200     200    200
rabbitmq    garbage    200   200     200          201    200          200     200    200
redis       down       200   200     200 database  201    200          200     200    200
redis       slow       200   200     200 database  201    200          200     200    200
redis       reset      200   200     200 database  201    200          200     200    200
redis       half-open  200   200     200 either    201    200          200     200    200
redis       silent     200   200     200 database  201    200          200     200    200
redis       garbage    200   200     200 database  201    200          200     200    200
mongodb     down       503   either  200          201    200          200     200    200
mongodb     slow       503   either  200          201    200          200     200    200
mongodb     reset      503   either  200          201    200          200     200    200
mongodb     half-open  either  either  200          201    200          200     200    200
mongodb     silent     503   either  200          201    200          200     200    200
mongodb     garbage    503   either  200          201    200          200     200    200
postgres    down       200   200     200 cache    503    503          503     200    503
postgres    slow       200   200     200 cache    503    503          503     200    503
postgres    reset      200   200     200 cache    503    503          503     200    503
postgres    half-open  200   200     200 cache    either  either      either  200    either
postgres    silent     200   200     200 cache    503    503          503     200    503
postgres    garbage    200   200     200 cache    503    503          503     200    503
"""
ROUNDS_ALIKE = 5
"""What is made when it is first needed (a pool, a driver's watchers) has been made when so many rounds need no more."""
WITHIN = 30
"""Seconds for any answer: what is patient is so for less than ten, the rest is for a busy machine."""


@dataclass(frozen=True)
class Row:
    dependency: str
    fault: str
    expected: dict[str, str]

    @classmethod
    def read(cls, line: str, columns: list[str]) -> "Row":
        dependency, fault, *cells = _cells(line)
        return cls(dependency, fault, dict(zip(columns, cells, strict=True)))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


_heading, *_lines = MATRIX.strip().splitlines()
ROWS = [Row.read(line, _cells(_heading)[2:]) for line in _lines]
CONTENT = dict.fromkeys(ROWS[0].expected, 200) | {"order": 201}
API = ("list", "detail", "stock", "order", "log in")


class Visitors:
    """People who do everything at once, and remember the orders that they placed."""

    def __init__(self, shop: ProxiedShop) -> None:
        self._shop, self._staff = shop, Staff(shop)
        self._customer = shop.log_in("customer")
        self._sku, self._slug = shop.demo()["sku"], shop.slug_of(shop.demo()["sku"])
        self.placed: dict[str, str] = {}
        """Keys, and the orders that were placed with them."""

    def order(self, key: str) -> Answer:
        """The same order, however often it is tried with the same key."""
        body = {"lines": [{"sku": self._sku, "quantity": 1}]}
        answer = self._shop.call("POST", ORDERS, body, Authorization=self._customer, Idempotency_Key=key)
        if answer.status == 201:
            assert self.placed.setdefault(key, answer.body["id"]) == answer.body["id"]
        return answer

    def do_everything(self, key: str) -> dict[str, Answer]:
        """What each of them is answered, all asking at the same time."""
        deeds: dict[str, Callable[[], Answer]] = {
            # Never asked before, so that no kept answer hides the trouble; the product may have been kept.
            "list": lambda: self._shop.call("GET", f"/api/v1/products?max_price={10**6 + secrets.randbelow(10**9)}"),
            "detail": lambda: self._shop.call("GET", f"/api/v1/products/{self._slug}"),
            "stock": lambda: self._shop.call("GET", f"/api/v1/inventory/stock/{self._sku}"),
            "order": lambda: self.order(key),
            "orders page": lambda: self._staff.look_at("/admin/orders/order/"),
            "log in": lambda: self._shop.call("POST", "/api/v1/accounts/token", self._shop.demo()["customer"]),
            "alive": lambda: self._shop.call("GET", "/livez"),
            "ready": lambda: self._shop.call("GET", "/readyz"),
        }
        with ThreadPoolExecutor(len(deeds)) as everybody:
            answers = dict(zip(deeds, everybody.map(lambda deed: deed(), deeds.values()), strict=True))
        if answers["log in"].status == 200:
            # Tokens live for five minutes.
            self._customer = f"Bearer {answers['log in'].body['access_token']}"
        return answers

    def ready(self, *, status: int) -> Answer | None:
        """What the probe says, when it says that."""
        answer = self._shop.call("GET", "/readyz")
        return answer if answer.status == status else None

    def are_all_content(self) -> bool:
        """Whether everything is as if there had been no trouble."""
        answers = self.do_everything(secrets.token_hex(8))
        return {name: answer.status for name, answer in answers.items()} == CONTENT and (
            answers["stock"].body["source"] == "cache"
        )


@pytest.fixture(scope="module")
def visitors(shop: ProxiedShop) -> Visitors:
    visitors = Visitors(shop)
    with ThreadPoolExecutor(24) as crowd:
        assert {answer.status for answer in crowd.map(visitors.order, map(str, range(24)))} == {201}
    eventually(visitors.are_all_content)
    return visitors


@pytest.fixture(scope="module")
def at_first(shop: ProxiedShop, visitors: Visitors) -> dict[str, int]:
    """Threads by process and connections to Postgres, before any trouble: the most of several rounds."""
    most, alike = dict[str, int](), 0
    while alike < ROUNDS_ALIKE:
        visitors.do_everything(secrets.token_hex(8))
        now = shop.count_held()
        alike = 0 if any(count > most.get(name, 0) for name, count in now.items()) else alike + 1
        most = {name: max(count, most.get(name, 0)) for name, count in now.items()}
    return most


class TestTheShop:
    @pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.dependency} {row.fault}")
    def test_serves_as_the_table_says(self, shop: ProxiedShop, visitors: Visitors, at_first: object, row: Row) -> None:
        proxy, key = shop.proxies[row.dependency], secrets.token_hex(8)

        FAULTS[row.fault](proxy)
        began = time.monotonic()
        try:
            answers = visitors.do_everything(key)
            took = time.monotonic() - began
            # What the probe found is told again for a second, and may be from before. Where new connections work, it
            # is ready again as soon as the dead ones are thrown away.
            if row.expected["ready"] != "either":
                answers["ready"] = eventually(lambda: visitors.ready(status=int(row.expected["ready"])), within=WITHIN)
        finally:
            proxy.heal()

        assert {name: _shown(answer, row.expected[name]) for name, answer in answers.items()} == row.expected
        assert took < WITHIN
        assert all("Retry-After" in answers[name].headers for name in API if answers[name].status == 503)
        eventually(visitors.are_all_content, within=90, every=0.2)
        assert visitors.order(key).status == 201

    def test_lost_no_order_and_doubled_none(self, shop: ProxiedShop, visitors: Visitors) -> None:
        eventually(shop.settled, within=120)

        known = {str(order_id) for (order_id,) in shop.sql("orders", "SELECT id FROM orders_order")}
        assert set(visitors.placed.values()) <= known
        assert len(set(visitors.placed.values())) == len(visitors.placed)
        assert shop.statuses().keys() == {"confirmed"}
        assert shop.offenders() == []
        shop.manage("verify", "--within", "60")

    def test_holds_no_more_threads_and_connections_than_at_first(
        self, shop: ProxiedShop, at_first: dict[str, int]
    ) -> None:
        """Fewer more than one for each row: a pool may have grown, but nothing is left behind each time."""

        def left_behind() -> dict[str, int]:
            more = {name: count - at_first[name] for name, count in shop.count_held().items()}
            return {name: count for name, count in more.items() if count >= len(ROWS)}

        with suppress(AssertionError):
            eventually(lambda: not left_behind(), within=60, every=0.2)
        assert left_behind() == {}
        waiting = "SELECT query FROM pg_stat_activity WHERE datname LIKE %s || '\\_%%' AND state LIKE 'idle in%%'"
        assert shop.sql("orders", waiting, shop.name) == []


def _shown(answer: Answer, expected: str) -> str:
    """The status, and where a level came from if the table says that.

    Half-open means: the connections that exist are dead, new ones work. So whoever is served by a thread that holds one
    is refused, and whoever comes to a thread that has none yet is served: ``either``.
    """
    status, _, source = expected.partition(" ")
    if status == "either":
        return "either" if answer.status in (200, 201, 503) else str(answer.status)
    if not source or answer.status != int(status):
        return str(answer.status)
    return f"{answer.status} {'either' if source == 'either' else answer.body['source']}"
