"""
A region that has few of a sku left asks the others for a share, one after the other: ever more rarely while nothing
comes of it, but again in the next round when some more was sold.
"""

from itertools import groupby

from django.conf import settings
from django.db import transaction

from nexus.contracts.base import enclose, uuid7
from nexus.contracts.inventory import ShareAsked
from nexus.eventbus.stores.postgres_rows import run
from nexus.inventory.models import DATABASE, store
from nexus.inventory.services.stockroom import FEW
from nexus.telemetry import figures

MOST = 200
"""Skus in one round."""
# Only what has lain here before: what never did is sent by people first. Two at once ask once, for the second finds
# that it is not due any more.
DUE = """
WITH short AS (
    SELECT sku, sum(on_hand - reserved)::int AS available FROM inventory_stock
    GROUP BY sku HAVING sum(on_hand - reserved) <= %s AND sum(version) > 0
), over AS (
    DELETE FROM inventory_shortage AS known WHERE NOT EXISTS (SELECT FROM short WHERE short.sku = known.sku)
), asked AS (
    INSERT INTO inventory_shortage AS known (sku, level, tries, due_at)
    SELECT sku, available, 1, clock_timestamp() + interval '30 seconds'
    FROM short LEFT JOIN inventory_shortage AS before USING (sku)
    WHERE before.sku IS NULL OR before.due_at <= clock_timestamp() OR available < before.level
    ORDER BY before.due_at NULLS FIRST, sku LIMIT %s
    ON CONFLICT (sku) DO UPDATE SET level = excluded.level, tries = known.tries + 1,
        due_at = clock_timestamp() + least(interval '30 seconds' * 2 ^ least(known.tries, 10), interval '10 minutes')
        WHERE known.due_at <= clock_timestamp() OR excluded.level < known.level
    RETURNING sku, tries
)
SELECT (tries - 1) %% %s AS turn, sku, available FROM asked JOIN short USING (sku) ORDER BY turn, sku
"""


def ask_for_shares() -> int:
    """Ask for what is short and due; of how many skus."""
    others = sorted(settings.REGION_LINKS)
    if not others:
        return 0
    with transaction.atomic(using=DATABASE):
        due = run(DATABASE, DUE, [FEW, MOST, len(others)])
        asks = [
            ShareAsked(
                ask_id=uuid7(),
                from_region=settings.REGION,
                to_region=others[turn],
                levels={sku: available for _, sku, available in rows},
            )
            for turn, rows in groupby(due, key=lambda row: row[0])
        ]
        store.append([enclose(ask, sequence=1) for ask in asks])
    for ask in asks:
        figures.shares.labels(ask.to_region, "asked").inc(len(ask.levels))
    return len(due)
