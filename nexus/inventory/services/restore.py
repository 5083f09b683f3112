"""
Counters made again from the ledger: one that is missing when it is needed, or all of them.

Online: sums are taken while the counter's row is locked, and every movement is written under that lock, so that a
movement made meanwhile is never undone.
"""

from collections.abc import Iterable, Iterator

from django.db import connections, transaction

from nexus.inventory.models import DATABASE, MAIN_LOCATION

PAGE = 1000
RESTORE = """
INSERT INTO inventory_stock (sku, location_id, on_hand, reserved, version, updated_at)
SELECT sku, location_id, sum(on_hand), sum(reserved), max(version), max(created_at)
FROM inventory_ledgerentry WHERE sku = ANY(%s) GROUP BY sku, location_id ORDER BY sku, location_id
ON CONFLICT DO NOTHING
"""
OPEN = """
INSERT INTO inventory_stock (sku, location_id, on_hand, reserved, version, updated_at)
SELECT item.sku, location.id, 0, 0, 0, clock_timestamp()
FROM inventory_item AS item JOIN inventory_location AS location ON location.code = %s WHERE item.sku = ANY(%s)
ON CONFLICT DO NOTHING
"""
LOCK = "SELECT FROM inventory_stock WHERE sku = ANY(%s) ORDER BY sku, location_id FOR UPDATE"
CORRECT = """
UPDATE inventory_stock AS stock
SET on_hand = told.on_hand, reserved = told.reserved, version = told.version, updated_at = clock_timestamp()
FROM (
    SELECT s.sku, s.location_id, coalesce(sum(l.on_hand), 0) AS on_hand, coalesce(sum(l.reserved), 0) AS reserved,
        coalesce(max(l.version), 0) AS version
    FROM inventory_stock AS s LEFT JOIN inventory_ledgerentry AS l USING (sku, location_id)
    WHERE s.sku = ANY(%s) GROUP BY s.sku, s.location_id
) AS told
WHERE stock.sku = told.sku AND stock.location_id = told.location_id
    AND (stock.on_hand, stock.reserved, stock.version) <> (told.on_hand, told.reserved, told.version)
"""
SKUS = """
SELECT sku COLLATE "C" FROM (SELECT sku FROM inventory_item UNION SELECT sku FROM inventory_stock) AS known
WHERE sku COLLATE "C" > %s ORDER BY 1 LIMIT %s
"""


def restore_counters(skus: Iterable[str]) -> int:
    """Write the counters that the ledger knows and the table lacks; how many it were."""
    with connections[DATABASE].cursor() as cursor:
        cursor.execute(RESTORE, [sorted(skus)])
        return int(cursor.rowcount)


def rebuild_counters() -> Iterator[int]:
    """Make every counter what the ledger says, a page of skus to a transaction; the sizes of the pages."""
    for skus in _pages():
        with transaction.atomic(using=DATABASE), connections[DATABASE].cursor() as cursor:
            cursor.execute(RESTORE, [skus])
            cursor.execute(OPEN, [MAIN_LOCATION, skus])
            cursor.execute(LOCK, [skus])
            cursor.execute(CORRECT, [skus])
        yield len(skus)


def drop_counters() -> None:
    """Empty the table; `TRUNCATE` waits for whoever is writing to it."""
    with connections[DATABASE].cursor() as cursor:
        cursor.execute("TRUNCATE inventory_stock")


def _pages() -> Iterator[list[str]]:
    last = ""
    while True:
        with connections[DATABASE].cursor() as cursor:
            cursor.execute(SKUS, [last, PAGE])
            skus = [row[0] for row in cursor.fetchall()]
        if not skus:
            return
        yield skus
        last = skus[-1]
