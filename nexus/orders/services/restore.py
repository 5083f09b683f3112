"""
The tables of orders, made again from the log: a row that is missing when it is needed, or all of them.

Online: a row is compared and written under its lock, after its stream was read under that lock, so that a step taken
meanwhile is never undone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from django.db import connections, transaction

from nexus.orders.models import DATABASE, store
from nexus.orders.selectors import Folded, find_folded

PAGE = 500
COLUMNS = [field.name for field in fields(Folded) if field.name != "lines"]
ROWS = f"""
SELECT {", ".join(COLUMNS)} FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::text[], %s::bigint[],
    %s::text[], %s::timestamptz[], %s::timestamptz[], %s::int[]) AS t({", ".join(COLUMNS)})
"""
LINES = """
SELECT order_id, position, sku, name, quantity, unit_price
FROM unnest(%s::uuid[], %s::smallint[], %s::text[], %s::text[], %s::int[], %s::bigint[])
    AS t(order_id, position, sku, name, quantity, unit_price)
"""
INSERT = f"INSERT INTO orders_order ({', '.join(COLUMNS)}) {ROWS} ORDER BY id ON CONFLICT DO NOTHING RETURNING id"
INSERT_LINES = f"""
INSERT INTO orders_orderline (order_id, position, sku, name, quantity, unit_price) {LINES} ON CONFLICT DO NOTHING
"""
LOCK = "SELECT id FROM orders_order WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
CORRECT = f"""
UPDATE orders_order AS o SET ({", ".join(COLUMNS)}) = ({", ".join(f"r.{name}" for name in COLUMNS)})
FROM ({ROWS}) AS r WHERE o.id = r.id
    AND ({", ".join(f"o.{name}" for name in COLUMNS)}) IS DISTINCT FROM ({", ".join(f"r.{name}" for name in COLUMNS)})
"""
REMOVE_WRONG_LINES = f"""
DELETE FROM orders_orderline AS l WHERE order_id = ANY(%s) AND NOT EXISTS (
    SELECT FROM ({LINES}) AS told
    WHERE (told.order_id, told.position, told.sku, told.name, told.quantity, told.unit_price)
        = (l.order_id, l.position, l.sku, l.name, l.quantity, l.unit_price)
)
"""


def restore_orders(order_ids: Iterable[UUID]) -> int:
    """Write the rows of orders that the log knows and the table lacks; how many it were."""
    folded = find_folded(order_ids)
    return _insert(list(folded.values())) if folded else 0


def rebuild_orders() -> Iterator[int]:
    """
    Make every order and line what the log tells, a page of orders to a transaction; the sizes of the pages.

    Orders placed meanwhile are right from the beginning.
    """
    for page in store.history(["orders.order-placed.v1"], size=PAGE):
        order_ids = [UUID(record.subject) for record in page.records]
        with transaction.atomic(using=DATABASE):
            restore_orders(order_ids)
            with connections[DATABASE].cursor() as cursor:
                cursor.execute(LOCK, [order_ids])
                _correct(cursor, list(find_folded(order_ids).values()))
        yield len(page.records)


def drop_orders() -> None:
    """Empty the tables; `TRUNCATE` waits for whoever is writing to them."""
    with connections[DATABASE].cursor() as cursor:
        cursor.execute("TRUNCATE orders_order, orders_orderline")


def _insert(orders: Sequence[Folded]) -> int:
    with transaction.atomic(using=DATABASE), connections[DATABASE].cursor() as cursor:
        cursor.execute(INSERT, _columns(orders))
        written = {row[0] for row in cursor.fetchall()}
        cursor.execute(INSERT_LINES, _line_columns([order for order in orders if order.id in written]))
    return len(written)


def _correct(cursor: Any, orders: Sequence[Folded]) -> None:
    cursor.execute(CORRECT, _columns(orders))
    cursor.execute(REMOVE_WRONG_LINES, [[order.id for order in orders], *_line_columns(orders)])
    cursor.execute(INSERT_LINES, _line_columns(orders))


def _columns(orders: Sequence[Folded]) -> list[list[Any]]:
    return [[getattr(order, name) for order in orders] for name in COLUMNS]


def _line_columns(orders: Sequence[Folded]) -> list[list[Any]]:
    rows = [
        (order.id, position, line.sku, line.name, line.quantity, line.unit_price)
        for order in orders
        for position, line in enumerate(order.lines)
    ]
    return [list(column) for column in zip(*rows, strict=True)] or [[]] * 6
