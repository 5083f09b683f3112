"""
Orders that are there before anything is measured.

They are put into the orders database in bulk, as placed and announced, and then go the way of all orders through relay
and workers. So they end confirmed, with reservations, ledger, inbox and logs as real ones have.
"""

import time

from benchmarks.shop import Shop

CHUNK = 20_000
PATIENCE = 300.0
PATIENCE_FOR_LEVELS = 1800.0
UNSETTLED = "SELECT 1 FROM orders_order WHERE status = 'placed' LIMIT 1"
UNTOLD = "SELECT 1 FROM inventory_untoldlevel LIMIT 1"

PLACE_MANY = """
WITH fresh AS MATERIALIZED (
    SELECT uuidv7() AS id, uuidv7() AS event_id, 'H-' || lpad((%s + n)::text, 9, '0') AS number,
           ('00000000-0000-4000-8000-' || lpad(to_hex(n %% 2000), 12, '0'))::uuid AS customer_id,
           clock_timestamp() AS at, n
    FROM generate_series(1, %s) AS n
), offer AS MATERIALIZED (
    SELECT sku, name, (prices->>'EUR')::bigint AS price, row_number() OVER (ORDER BY sku) - 1 AS at
    FROM orders_price WHERE sellable AND jsonb_exists(prices, 'EUR')
), line AS MATERIALIZED (
    SELECT fresh.id, position, sku, name, price FROM fresh CROSS JOIN generate_series(0, 1) AS position
    JOIN offer ON offer.at = (fresh.n * 7919 + position * 104729 + fresh.n / 1000) %% (SELECT count(*) FROM offer)
), whole AS MATERIALIZED (
    SELECT id, sum(price)::bigint AS total, json_agg(json_build_object(
        'sku', sku, 'name', name, 'quantity', 1, 'unit_price', price) ORDER BY position) AS lines
    FROM line GROUP BY id
), placed AS (
    INSERT INTO orders_order
        (id, number, customer_id, status, currency, total, reason, placed_at, updated_at, version)
    SELECT id, number, customer_id, 'placed', 'EUR', total, '', at, at, 1 FROM fresh JOIN whole USING (id)
), written AS (
    INSERT INTO orders_orderline (order_id, position, sku, name, quantity, unit_price)
    SELECT id, position, sku, name, 1, price FROM line
)
INSERT INTO event_log (id, type, subject, sequence, time, data, correlation_id)
SELECT event_id, 'orders.order-placed.v1', id::text, 1, at, json_build_object(
    'order_id', id, 'number', number, 'customer_id', customer_id, 'currency', 'EUR', 'total', total, 'lines', lines), ''
FROM fresh JOIN whole USING (id)
"""


def place_history(shop: Shop, *, count: int) -> None:
    """
    Bring the shop to that many orders, all settled. Relay and workers must be running.

    :raises TimeoutError: a chunk is not settled within five minutes
    """
    present = shop.sql("orders", "SELECT count(*) FROM orders_order")[0][0]
    while present < count:
        some = min(CHUNK, count - present)
        shop.sql("orders", PLACE_MANY, [present, some])
        present += some
        _wait_until_none(shop, "orders", UNSETTLED, within=PATIENCE)
    if count:
        wait_until_told(shop)
        for app in ("orders", "inventory"):
            shop.sql(app, "VACUUM ANALYZE")


def wait_until_told(shop: Shop) -> None:
    """
    Levels follow the orders, so many a second; until then a check would find copies that lag behind.

    :raises TimeoutError: some have not been told within half an hour
    """
    _wait_until_none(shop, "inventory", UNTOLD, within=PATIENCE_FOR_LEVELS)


def _wait_until_none(shop: Shop, app: str, query: str, *, within: float) -> None:
    """:raises TimeoutError: the query still finds something"""
    deadline = time.monotonic() + within
    while shop.sql(app, query):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:.0f} s: nothing found by {query}")
        time.sleep(0.2)
