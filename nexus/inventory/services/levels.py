"""
Levels that were not announced at once: under load a sku's level changes many times a second, and who shows it to
people needs the last of them only.
"""

from django.db import transaction

from nexus.eventbus.stores.postgres_rows import run
from nexus.inventory.models import DATABASE
from nexus.inventory.services.stockroom import Stockroom, announce

MOST = 200
"""In one round, those that wait longest first; so many levels a second cost little beside the orders behind them."""
WAITING = "SELECT sku FROM inventory_untoldlevel ORDER BY since LIMIT %s"
TAKE = "DELETE FROM inventory_untoldlevel WHERE sku = ANY(%s::text[]) RETURNING sku"


def announce_levels() -> int:
    """
    Announce levels as they are now; how many it were.

    Whoever changes a level holds the lock of its counters, so none changes between being read and being announced.
    """
    with transaction.atomic(using=DATABASE):
        waiting = [sku for [sku] in run(DATABASE, WAITING, [MOST])]
        if not waiting:
            return 0
        room = Stockroom.lock(waiting)
        # Somebody else may have announced them while this waited for the locks.
        taken = [sku for [sku] in run(DATABASE, TAKE, [waiting])]
        announce(room.levels(taken))
    return len(taken)
