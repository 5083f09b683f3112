"""What orders promises of its data, what it says about facts that others keep too, and what it can make again."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db import connections

from nexus.contracts.inventory import StockLevelChanged
from nexus.contracts.orders import OrderLine
from nexus.eventbus.invariants import Copy, Entry, Invariant, Kind, Offender, differences
from nexus.eventbus.read_models import ReadModel
from nexus.eventbus.rebuilding import from_log
from nexus.eventbus.registry import Gauge
from nexus.eventbus.stores.postgres_rows import rows_of
from nexus.orders.models import DATABASE, store
from nexus.orders.selectors import BrokenHistory, Folded, envelopes_of, fold
from nexus.orders.services.prices import drop_price_book, rebuild_price_book
from nexus.orders.services.restore import COLUMNS, drop_orders, rebuild_orders

ROWS = f"""
SELECT {", ".join(COLUMNS)}, (
    SELECT json_agg(json_build_array(sku, name, quantity, unit_price) ORDER BY position)
    FROM orders_orderline WHERE order_id = o.id)
FROM orders_order AS o ORDER BY id
"""
WRONG_TOTALS = """
SELECT o.number, 'is ' || o.total || ', its lines make ' || coalesce(l.total, 0)
FROM orders_order AS o LEFT JOIN (
    SELECT order_id, sum(quantity * unit_price) AS total FROM orders_orderline GROUP BY 1) AS l ON l.order_id = o.id
WHERE o.total IS DISTINCT FROM l.total
"""
BROKEN_CLAIMS = """
SELECT 'order ' || order_id, count(*) || ' keys' FROM orders_placementclaim GROUP BY order_id HAVING count(*) > 1
UNION ALL
SELECT 'key of order ' || order_id, 'the order is not there' FROM orders_placementclaim AS c
WHERE NOT EXISTS (SELECT FROM event_log WHERE subject = c.order_id::text AND sequence = 1)
"""
WAITING = """
SELECT number, 'placed at ' || placed_at FROM orders_order
WHERE status = 'placed' AND placed_at < clock_timestamp() - make_interval(secs => %s)
"""
# What inventory must have for an order, while it must have something.
RESERVATIONS = """
SELECT o.id::text, CASE status WHEN 'confirmed' THEN 'held' WHEN 'returned' THEN 'returned' ELSE 'committed' END,
    (SELECT json_agg(json_build_array(sku, quantity) ORDER BY sku COLLATE "C") FROM orders_orderline
     WHERE order_id = o.id)
FROM orders_order AS o WHERE status IN ('confirmed', 'shipped', 'delivered', 'returned') ORDER BY o.id
"""
OFFERS = 'SELECT sku, name, prices::text FROM orders_price WHERE sellable ORDER BY sku COLLATE "C"'
LEVELS = 'SELECT sku, available, version FROM orders_stockhint ORDER BY sku COLLATE "C"'
PRICES = 'SELECT sku, name, prices, sellable, version FROM orders_price ORDER BY sku COLLATE "C"'
OVERDUE = """
SELECT count(*) FROM orders_order
WHERE status = 'placed' AND placed_at < clock_timestamp() - make_interval(secs => %s)
"""
PATIENCE = 5
"""An order that waits as many times longer than it takes to be driven on is stuck."""


def orders_that_are_not_their_events() -> Iterator[Offender]:
    """Orders whose row or lines differ from what the log tells."""
    return differences(_told(), ((str(row[0]), _entry(row)) for row in rows_of(DATABASE, ROWS)))


def _told() -> Iterator[Entry]:
    for subject, records in groupby(store.all_streams(), key=lambda record: record.subject):
        try:
            yield subject, _as_entry(fold(list(envelopes_of(records))))
        except BrokenHistory as why:
            yield subject, str(why)


def _as_entry(order: Folded) -> tuple[object, ...]:
    return (*(str(getattr(order, name)) for name in COLUMNS), order.lines)


def _entry(row: tuple[Any, ...]) -> tuple[object, ...]:
    lines = tuple(OrderLine(sku=s, name=n, quantity=q, unit_price=p) for s, n, q, p in row[-1] or [])
    return (*(str(value) for value in row[:-1]), lines)


def _found(query: str, *parameters: object) -> Iterator[Offender]:
    return ((name, how) for name, how in rows_of(DATABASE, query, parameters))


INVARIANTS = [
    Invariant(name="an order is the fold of its events", kind=Kind.DRIFT, offenders=orders_that_are_not_their_events),
    Invariant(name="an order costs what its lines cost", kind=Kind.DRIFT, offenders=lambda: _found(WRONG_TOTALS)),
    Invariant(name="a key places one order", kind=Kind.DOUBLE, offenders=lambda: _found(BROKEN_CLAIMS)),
    Invariant(
        name="no order waits for its verdict for long",
        kind=Kind.STUCK,
        offenders=lambda: _found(WAITING, PATIENCE * settings.ORDER_OVERDUE_SECONDS),
    ),
]


def count_overdue() -> float:
    """Orders that have waited for their verdict longer than they should."""
    with connections[DATABASE].cursor() as cursor:
        cursor.execute(OVERDUE, [settings.ORDER_OVERDUE_SECONDS])
        return float(cursor.fetchone()[0])


GAUGES = [
    Gauge(name="nexus_saga_stuck", meaning="Orders overdue for their verdict", read=count_overdue),
]

COPIES = [
    Copy(
        fact="reservation",
        keeper="orders",
        owner=True,
        entries=lambda: ((key, (state, lines)) for key, state, lines in rows_of(DATABASE, RESERVATIONS)),
    ),
    Copy(
        fact="offer",
        keeper="orders",
        entries=lambda: ((sku, (name, json.loads(prices))) for sku, name, prices in rows_of(DATABASE, OFFERS)),
    ),
    Copy(
        fact="stock level",
        keeper="orders",
        entries=lambda: ((sku, (available, version)) for sku, available, version in rows_of(DATABASE, LEVELS)),
    ),
]


def _empty(table: str) -> None:
    with connections[DATABASE].cursor() as cursor:
        cursor.execute(f"TRUNCATE {table}")


READ_MODELS = [
    ReadModel(
        name="orders",
        made_from="the log of orders",
        without_it="single orders are read from their events; lists lack them",
        rebuild=rebuild_orders,
        drop=drop_orders,
        rows=lambda: rows_of(DATABASE, ROWS),
        kept_in=["orders_order", "orders_orderline"],
    ),
    ReadModel(
        name="prices",
        made_from="the log of catalog",
        without_it="orders of what is not there yet are answered 503 with Retry-After",
        rebuild=rebuild_price_book,
        drop=drop_price_book,
        rows=lambda: rows_of(DATABASE, PRICES),
        kept_in=["orders_price"],
        outlives="catalog",
    ),
    ReadModel(
        name="stock-hints",
        made_from="the log of inventory",
        without_it="what is sold out is accepted, and rejected by inventory",
        rebuild=from_log("orders", StockLevelChanged),
        drop=lambda: _empty("orders_stockhint"),
        rows=lambda: rows_of(DATABASE, LEVELS),
        kept_in=["orders_stockhint"],
        outlives="inventory",
    ),
]
