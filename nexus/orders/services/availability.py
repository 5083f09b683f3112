"""
What is known to be sold out, from inventory's events, beside the price book.

A hint that may refuse an order early and never promises one: inventory's database decides.
"""

from collections.abc import Sequence

from nexus.contracts.inventory import StockLevelChanged
from nexus.eventbus.stores.postgres_rows import run
from nexus.orders.models import DATABASE

NOTE = """
INSERT INTO orders_stockhint (sku, available, version)
SELECT * FROM unnest(%s::text[], %s::int[], %s::bigint[])
ON CONFLICT (sku) DO UPDATE SET available = excluded.available, version = excluded.version
WHERE orders_stockhint.version < excluded.version
"""


def note_stock_levels(levels: Sequence[StockLevelChanged]) -> None:
    """Remember the newest level of each sku; older and repeated news change nothing."""
    newest = {level.sku: level for level in sorted(levels, key=lambda level: level.version)}
    ordered = [newest[sku] for sku in sorted(newest)]
    columns = [
        [level.sku for level in ordered],
        [level.available for level in ordered],
        [level.version for level in ordered],
    ]
    run(DATABASE, NOTE, columns)
