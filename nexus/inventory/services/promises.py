"""What inventory promises of its data, what it says about facts that others keep too, and what it can make again."""

from collections.abc import Iterator

from nexus.eventbus.invariants import Copy, Entry, Invariant, Kind, Offender
from nexus.eventbus.read_models import ReadModel
from nexus.eventbus.registry import Gauge
from nexus.eventbus.stores.postgres_rows import rows_of
from nexus.inventory import cache
from nexus.inventory.models import DATABASE
from nexus.inventory.selectors import count_on_the_way
from nexus.inventory.services.reconcile import rebuild_cache
from nexus.inventory.services.restore import drop_counters, rebuild_counters

COUNTERS = """
SELECT sku, location_id, on_hand, reserved, version FROM inventory_stock ORDER BY sku COLLATE "C", location_id
"""
WRONG_COUNTERS = """
SELECT s.sku || ' at ' || s.location_id, format('counted %s/%s version %s, the ledger makes %s/%s version %s',
    s.on_hand, s.reserved, s.version, coalesce(l.on_hand, 0), coalesce(l.reserved, 0), coalesce(l.version, 0))
FROM inventory_stock AS s FULL JOIN (
    SELECT sku, location_id, sum(on_hand) AS on_hand, sum(reserved) AS reserved, max(version) AS version
    FROM inventory_ledgerentry GROUP BY sku, location_id) AS l USING (sku, location_id)
WHERE (s.on_hand, s.reserved, s.version)
    IS DISTINCT FROM (coalesce(l.on_hand, 0), coalesce(l.reserved, 0), coalesce(l.version, 0))
"""
WRONG_RESERVED = """
SELECT sku, format('%s reserved, %s held', coalesce(s.reserved, 0), coalesce(h.held, 0))
FROM (SELECT sku, sum(reserved) AS reserved FROM inventory_stock GROUP BY sku) AS s FULL JOIN (
    SELECT line->>'sku' AS sku, sum((line->>'quantity')::int) AS held
    FROM inventory_reservation, jsonb_array_elements(lines) AS line WHERE state = 'held' GROUP BY 1) AS h USING (sku)
WHERE coalesce(s.reserved, 0) <> coalesce(h.held, 0)
"""
# At every version of a counter, by what had moved until then.
OVERSOLD = """
SELECT sku || ' at ' || location_id || ' version ' || version, format('%s there, %s set aside', there, kept)
FROM (
    SELECT sku, location_id, version, sum(sum(on_hand)) OVER past AS there, sum(sum(reserved)) OVER past AS kept
    FROM inventory_ledgerentry GROUP BY sku, location_id, version
    WINDOW past AS (PARTITION BY sku, location_id ORDER BY version)) AS moment
WHERE there < 0 OR kept < 0 OR kept > there
"""
# All that moved for an order, against what its reservation says of it now.
MOVED_TWICE = """
WITH moved AS (
    SELECT order_id, sku, sum(on_hand) AS on_hand, sum(reserved) AS reserved
    FROM inventory_ledgerentry WHERE order_id IS NOT NULL GROUP BY 1, 2
), wanted AS (
    SELECT order_id, line->>'sku' AS sku, state, sum((line->>'quantity')::int) AS quantity
    FROM inventory_reservation, jsonb_array_elements(lines) AS line GROUP BY 1, 2, 3
)
SELECT order_id || ' ' || sku, format('%s, %s of it: moved %s/%s', coalesce(state, 'no reservation'), quantity,
    on_hand, reserved)
FROM wanted FULL JOIN moved USING (order_id, sku)
WHERE coalesce(on_hand, 0) <> CASE state WHEN 'committed' THEN -quantity ELSE 0 END
    OR coalesce(reserved, 0) <> CASE state WHEN 'held' THEN quantity ELSE 0 END
"""
TWO_VERDICTS = """
SELECT subject, string_agg(DISTINCT type, ' and ') FROM event_log
WHERE type IN ('inventory.stock-reserved.v1', 'inventory.stock-rejected.v1')
GROUP BY subject HAVING count(DISTINCT type) > 1
"""
# What left for other regions and what came from them: the ledger, the shares and what was told, each by the others.
WRONG_SHARES = """
WITH moved AS (
    SELECT cause_id AS transfer_id, reason, sku, abs(sum(on_hand)) AS quantity
    FROM inventory_ledgerentry WHERE reason IN ('sent', 'arrived') GROUP BY 1, 2, 3
), told AS (
    SELECT (data->>'transfer_id')::uuid AS transfer_id, data->>'sku' AS sku, (data->>'quantity')::bigint AS quantity,
        CASE type WHEN 'inventory.share-sent.v1' THEN 'sent' ELSE 'arrived' END AS reason
    FROM event_log WHERE type IN ('inventory.share-sent.v1', 'inventory.share-arrived.v1')
)
SELECT transfer_id::text, format('moved %s %s, told %s %s, written %s', moved.quantity, moved.reason, told.quantity,
    told.reason, share.quantity)
FROM moved FULL JOIN told USING (transfer_id, reason, sku) FULL JOIN inventory_share AS share USING (transfer_id, sku)
WHERE moved.quantity IS DISTINCT FROM told.quantity OR told.quantity IS DISTINCT FROM share.quantity
"""
RESERVATIONS = """
SELECT order_id::text, state, json_agg(json_build_array(sku, quantity) ORDER BY sku COLLATE "C") FROM (
    SELECT order_id, state, line->>'sku' AS sku, sum((line->>'quantity')::int) AS quantity
    FROM inventory_reservation, jsonb_array_elements(lines) AS line
    WHERE state IN ('held', 'committed', 'returned') GROUP BY 1, 2, 3) AS kept
GROUP BY order_id, state ORDER BY order_id
"""
LEVELS = """
SELECT sku, sum(on_hand - reserved)::int, sum(version)::bigint FROM inventory_stock
GROUP BY sku HAVING sum(version) > 0 ORDER BY sku COLLATE "C"
"""


def _found(query: str) -> Iterator[Offender]:
    return ((name, how) for name, how in rows_of(DATABASE, query))


def _levels() -> Iterator[Entry]:
    return ((sku, (available, version)) for sku, available, version in rows_of(DATABASE, LEVELS))


def _cached_levels() -> Iterator[Entry]:
    # What never moved is not announced, but may have been asked for.
    return ((level.sku, (level.available, level.version)) for level in cache.list_all() if level.version)


INVARIANTS = [
    Invariant(name="counters are what the ledger makes", kind=Kind.DRIFT, offenders=lambda: _found(WRONG_COUNTERS)),
    Invariant(name="what is reserved is held for an order", kind=Kind.DRIFT, offenders=lambda: _found(WRONG_RESERVED)),
    Invariant(name="never more sold than there was", kind=Kind.OVERSOLD, offenders=lambda: _found(OVERSOLD)),
    Invariant(name="an order moves its stock once", kind=Kind.DOUBLE, offenders=lambda: _found(MOVED_TWICE)),
    Invariant(name="an order has one verdict", kind=Kind.DOUBLE, offenders=lambda: _found(TWO_VERDICTS)),
    Invariant(name="shares are what moved and what was told", kind=Kind.DRIFT, offenders=lambda: _found(WRONG_SHARES)),
]

GAUGES = [
    Gauge(
        name="nexus_shares_on_the_way", meaning="Pieces sent to other regions, not arrived yet", read=count_on_the_way
    ),
]

COPIES = [
    Copy(
        fact="reservation",
        keeper="inventory",
        entries=lambda: ((key, (state, lines)) for key, state, lines in rows_of(DATABASE, RESERVATIONS)),
    ),
    Copy(fact="stock level", keeper="inventory", owner=True, entries=_levels),
    Copy(fact="stock level", keeper="the cache", partial=True, entries=_cached_levels),
]

READ_MODELS = [
    ReadModel(
        name="counters",
        made_from="the ledger of inventory",
        without_it="a counter comes back when it is needed; levels are read from the ledger",
        rebuild=rebuild_counters,
        drop=drop_counters,
        rows=lambda: rows_of(DATABASE, COUNTERS),
        kept_in=["inventory_stock"],
    ),
    ReadModel(
        name="stock-cache",
        made_from="the counters of inventory",
        without_it="levels are read from Postgres",
        rebuild=rebuild_cache,
        drop=cache.clear,
        rows=_cached_levels,
        outlives="inventory",
    ),
]
