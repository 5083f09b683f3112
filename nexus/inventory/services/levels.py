"""
Levels that were not announced at once: under load a sku's level changes many times a second, and who shows it to
people needs the last of them only.
"""

from collections.abc import Sequence

from django.db import transaction

from nexus.eventbus.stores.postgres_rows import run
from nexus.inventory.models import DATABASE
from nexus.inventory.services.stockroom import Stockroom, announce

MOST = 200
"""In one round, those that wait longest first; so many levels a second cost little beside the orders behind them."""
ROUNDS = 10
"""One after the other, to catch up after a rush: where one waits for more than a minute and hardly anything sells."""
WAITING = """
SELECT sku, since < clock_timestamp() - interval '1 minute' FROM inventory_untoldlevel ORDER BY since LIMIT %s
"""
JUST_NOW = 1.0
"""Seconds."""
MOVED_JUST_NOW = """
SELECT created_at > clock_timestamp() - make_interval(secs => %s) FROM inventory_ledgerentry
ORDER BY id DESC OFFSET %s LIMIT 1
"""
TAKE = "DELETE FROM inventory_untoldlevel WHERE sku = ANY(%s::text[]) RETURNING sku"


def announce_levels() -> int:
    """Announce levels as they are now; how many it were."""
    waiting = run(DATABASE, WAITING, [MOST * ROUNDS])
    if not waiting:
        return 0
    rounds = ROUNDS if waiting[0][1] and _is_quiet() else 1
    skus = [sku for sku, _ in waiting[: MOST * rounds]]
    return sum(_announce(skus[first : first + MOST]) for first in range(0, len(skus), MOST))


def _is_quiet() -> bool:
    """Whether stock moves less often than levels are told: then more may be told without slowing orders."""
    moved = run(DATABASE, MOVED_JUST_NOW, [JUST_NOW, MOST - 1])
    return not (moved and moved[0][0])


def _announce(skus: Sequence[str]) -> int:
    """Whoever changes a level locks its counters, so that none changes between being read and being announced."""
    with transaction.atomic(using=DATABASE):
        room = Stockroom.lock(skus)
        # Somebody else may have announced them while this waited for the locks.
        taken = [sku for [sku] in run(DATABASE, TAKE, [skus])]
        announce(room.levels(taken))
    return len(taken)
