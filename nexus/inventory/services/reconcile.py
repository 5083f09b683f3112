"""Repairs the cache from the database: whatever made them differ, this makes them agree."""

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta

from django.db.models.functions import Now

from nexus.inventory import cache
from nexus.inventory.cache import Level
from nexus.inventory.models import DATABASE, Stock
from nexus.inventory.selectors import read_levels

PAGE = 1000


class CacheAway(Exception):
    """The cache could not be written; what is wrong in it stays so until the next round."""


def reconcile_cache(*, changed_within: timedelta | None = None) -> int:
    """
    Make the cache agree with the database, for all skus or those changed lately; how many were looked at.

    :raises CacheAway: it did not get through
    """
    return sum(rebuild_cache(changed_within=changed_within))


def rebuild_cache(*, changed_within: timedelta | None = None) -> Iterator[int]:
    """
    The same in pages; yields the size of each.

    :raises CacheAway: it did not get through
    """
    for skus in _pages(changed_within):
        levels = read_levels(skus)
        if not cache.keep_newest(list(levels.values())):
            raise CacheAway
        _forget_the_impossible(levels)
        yield len(skus)


class Rounds:
    """Reconciles what changed since the last round that got through; everything in the first one."""

    overlap = timedelta(minutes=2)

    def __init__(self) -> None:
        self._through: float | None = None

    def __call__(self) -> int:
        # Not the wall clock: where it was set back, nothing would seem to have changed since the last round.
        began = time.monotonic()
        window = timedelta(seconds=began - self._through) + self.overlap if self._through is not None else None
        count = reconcile_cache(changed_within=window)
        self._through = began
        return count


reconcile_recent_changes = Rounds()


def _forget_the_impossible(levels: Mapping[str, Level]) -> None:
    """A cached version that the database has not reached comes from another life of it, such as before a restore."""
    cached = cache.find_levels(list(levels))
    ahead = [sku for sku, level in cached.items() if level.version > levels[sku].version]
    if not ahead:
        return
    # Read once more: a sale between the two readings is a newer version too, and a real one.
    real = read_levels(ahead)
    if impossible := [sku for sku in ahead if cached[sku].version > real[sku].version]:
        cache.forget(impossible)


def _pages(changed_within: timedelta | None) -> Iterator[list[str]]:
    stock = Stock.objects.using(DATABASE)
    chosen = stock.filter(updated_at__gt=Now() - changed_within) if changed_within else stock.all()
    last = ""
    while skus := list(chosen.filter(sku__gt=last).values_list("sku", flat=True).distinct().order_by("sku")[:PAGE]):
        yield skus
        last = skus[-1]
