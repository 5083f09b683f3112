"""`manage.py verify`: says nothing of a shop in order, and names what is wrong in one that was tampered with."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django_redis import get_redis_connection

from nexus.catalog.models.connection import database
from nexus.contracts.base import uuid7
from nexus.eventbus.invariants import differences
from nexus.eventbus.verification import invariants, verify
from tests.journeys.trading import DATABASES, buy

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


def sql(alias: str, statement: str) -> Callable[[], None]:
    def tamper() -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute(statement)
            assert cursor.rowcount > 0, "nothing was tampered with"

    return tamper


def mongo(collection: str, change: dict[str, Any]) -> Callable[[], None]:
    return lambda: database()[collection].update_one({"slug": "lamp"}, change) and None


def in_redis() -> None:
    assert get_redis_connection("default").hset("stock:LAMP", "available", 99) == 0


MOVEMENT = """
INSERT INTO inventory_ledgerentry (sku, location_id, on_hand, reserved, version, reason, cause_id, order_id, actor,
    note, created_at)
SELECT sku, location_id, {on_hand}, {reserved}, {version}, reason, gen_random_uuid(), order_id, '', '', now()
FROM inventory_ledgerentry WHERE order_id IS NOT NULL LIMIT 1
"""
LETTER = """
INSERT INTO dead_letter (subscriber, event_id, type, event, error, attempts, first_failed_at, last_failed_at)
VALUES ('orders', gen_random_uuid(), 't', '[]', 'e', 1, now(), now())
"""
VERDICT = f"""
INSERT INTO event_log (id, type, subject, sequence, time, data)
SELECT '{uuid7()}', 'inventory.stock-rejected.v1', subject, 9, now(), data FROM event_log
WHERE type = 'inventory.stock-reserved.v1' LIMIT 1
"""
SHARE = """
INSERT INTO inventory_share (transfer_id, sku, quantity, from_region, to_region, sent_at)
VALUES (gen_random_uuid(), 'LAMP', 1, 'eu', 'us', now())
"""
CLAIM = "INSERT INTO orders_placementclaim SELECT customer_id, 'two', 'f', order_id, now() FROM orders_placementclaim"

TAMPERING: list[tuple[str, str, Callable[[], None]]] = [
    ("an order is the fold of its events", "drift", sql("orders", "UPDATE orders_order SET reason = 'x'")),
    ("an order is the fold of its events", "drift", sql("orders", "DELETE FROM orders_order")),
    ("an order is the fold of its events", "drift", sql("orders", "UPDATE orders_orderline SET name = 'x'")),
    ("an order costs what its lines cost", "drift", sql("orders", "UPDATE orders_order SET total = total + 1")),
    ("a key places one order", "double", sql("orders", CLAIM)),
    ("a key places one order", "double", sql("orders", "UPDATE orders_placementclaim SET order_id = customer_id")),
    (
        "no order waits for its verdict for long",
        "stuck",
        sql("orders", "UPDATE orders_order SET status = 'placed', placed_at = placed_at - interval '1 h'"),
    ),
    ("counters are what the ledger makes", "drift", sql("inventory", "UPDATE inventory_stock SET version = 99")),
    ("counters are what the ledger makes", "drift", sql("inventory", "DELETE FROM inventory_stock")),
    (
        "what is reserved is held for an order",
        "drift",
        sql("inventory", "UPDATE inventory_reservation SET state = 'released' WHERE state = 'held'"),
    ),
    (
        "never more sold than there was",
        "oversold",
        sql("inventory", MOVEMENT.format(on_hand=0, reserved=1000, version=99)),
    ),
    ("an order moves its stock once", "double", sql("inventory", MOVEMENT.format(on_hand=-1, reserved=0, version=9))),
    ("an order has one verdict", "double", sql("inventory", VERDICT)),
    ("shares are what moved and what was told", "drift", sql("inventory", SHARE)),
    ("orders hears everything it is told", "lost", sql("orders", "DELETE FROM inbox")),
    ("inventory hears everything it is told", "lost", sql("inventory", "DELETE FROM inbox")),
    ("catalog hears everything it is told", "lost", lambda: database()["inbox"].delete_many({}) and None),
    ("orders has no dead letters", "stuck", sql("orders", LETTER)),
    ("offer: orders agrees with catalog", "drift", sql("orders", "UPDATE orders_price SET prices = '{\"EUR\": 1}'")),
    ("offer: orders agrees with catalog", "drift", sql("orders", "UPDATE orders_price SET sellable = false")),
    ("stock level: orders agrees with inventory", "drift", sql("orders", "UPDATE orders_stockhint SET available = 9")),
    ("stock level: orders agrees with inventory", "drift", sql("orders", "DELETE FROM orders_stockhint")),
    ("stock level: the cache agrees with inventory", "drift", in_redis),
    (
        "stock level: catalog agrees with inventory",
        "drift",
        mongo("products", {"$set": {"variants.0.availability.available": 99}}),
    ),
    (
        "reservation: inventory agrees with orders",
        "drift",
        sql("inventory", "UPDATE inventory_reservation SET lines = '[]' WHERE state = 'held'"),
    ),
    ("reservation: inventory agrees with orders", "drift", sql("orders", "UPDATE orders_order SET status = 'shipped'")),
    ("a product is found by what it says", "drift", mongo("products", {"$set": {"tokens": []}})),
]


class TestVerify:
    def test_finds_nothing_in_a_shop_in_order(self, traded: None) -> None:
        findings = verify(within=0)

        assert [finding for finding in findings if finding.count] == []
        assert len(findings) >= len({name for name, _, _ in TAMPERING})

    @pytest.mark.parametrize(("name", "kind", "tamper"), TAMPERING, ids=lambda each: str(each)[:60])
    def test_names_what_was_tampered_with(self, traded: None, name: str, kind: str, tamper: Callable[[], None]) -> None:
        tamper()

        [found] = [finding for finding in verify(within=0) if finding.name == name]

        assert found.count > 0
        assert found.kind == kind
        assert found.offender

    def test_every_invariant_was_seen_broken(self, traded: None) -> None:
        tampered = {name for name, _, _ in TAMPERING}
        # One look each at the letters of three subscribers; the broker's queues are looked into where there is one.
        others = {"inventory has no dead letters", "catalog has no dead letters", "the broker set no message aside"}

        assert {invariant.name for invariant in invariants()} == tampered | others

    def test_waits_for_what_is_on_its_way(self, traded: None) -> None:
        buy(LAMP=1)

        before = {finding.name for finding in verify(within=0) if finding.count}

        assert before == {"inventory hears everything it is told"}

    def test_tells_programs_and_people(self, traded: None) -> None:
        for_programs, for_people = StringIO(), StringIO()

        call_command("verify", "--json", stdout=for_programs)
        call_command("verify", stdout=for_people)

        assert {finding["count"] for finding in json.loads(for_programs.getvalue())} == {0}
        assert all(line.startswith("ok ") for line in for_people.getvalue().splitlines())

    def test_ends_with_status_one_when_something_is_broken(self, traded: None) -> None:
        sql("orders", "DELETE FROM inbox")()
        for_people = StringIO()

        with pytest.raises(SystemExit) as end:
            call_command("verify", "--within", "0", stdout=for_people)

        assert end.value.code == 1
        assert "BROKEN  orders hears everything it is told" in for_people.getvalue()


class TestDifferences:
    def test_are_all_that_differs_and_nothing_else(self) -> None:
        owned, kept = [("a", 1), ("b", 2), ("d", 4)], [("b", 3), ("c", 3), ("d", 4), ("e", 5)]

        found = [key for key, _ in differences(iter(owned), iter(kept))]

        assert found == ["a", "b", "c", "e"]
        assert [key for key, _ in differences(iter(owned), iter(kept), partial=True)] == ["b", "c", "e"]
        assert list(differences(iter(owned), iter(owned))) == []
