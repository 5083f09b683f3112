"""Repairs the cache from the database: whatever made them differ, this makes them agree."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from django.db.models import Max
from django.db.models.functions import Now

from nexus.inventory import cache
from nexus.inventory.cache import Level
from nexus.inventory.models import DATABASE, Stock
from nexus.inventory.selectors import read_levels
from nexus.telemetry import figures

PAGE = 1000
SETTLED = timedelta(seconds=5)


class CacheAway(Exception):
    """The cache could not be written; what is wrong in it stays so until the next round."""


def reconcile_cache(*, changed_within: timedelta | None = None) -> int:
    """
    Make the cache agree with the database, for all skus or those changed lately; how many were looked at.

    :raises CacheAway: it did not get through
    """
    wrong = count = 0
    for page in _compared(changed_within):
        wrong += page.wrong
        count += page.looked_at
    figures.drift.labels("redis").set(wrong)
    return count


def rebuild_cache(*, changed_within: timedelta | None = None) -> Iterator[int]:
    """
    The same in pages; yields the size of each.

    :raises CacheAway: it did not get through
    """
    for page in _compared(changed_within):
        yield page.looked_at


class Page(NamedTuple):
    """How many levels were looked at, and how many of them were wrong in the cache."""

    looked_at: int
    wrong: int


def _compared(changed_within: timedelta | None) -> Iterator[Page]:
    for skus in _pages(changed_within):
        cached = cache.find_levels(skus)
        levels = read_levels(skus)
        if not cache.keep_newest(list(levels.values())):
            raise CacheAway
        behind = [sku for sku, level in cached.items() if sku in levels and level.version < levels[sku].version]
        yield Page(looked_at=len(skus), wrong=_count_settled(behind) + _forget_the_impossible(levels))


def _count_settled(skus: Sequence[str]) -> int:
    """Those whose last change is long over: of the others the cache may be about to hear."""
    if not skus:
        return 0
    long_over = Stock.objects.using(DATABASE).filter(sku__in=skus).values("sku").annotate(at=Max("updated_at"))
    return long_over.filter(at__lt=Now() - SETTLED).count()


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


def _forget_the_impossible(levels: Mapping[str, Level]) -> int:
    """
    A cached version that the database has not reached comes from another life of it, such as before a restore; how many
    there were.
    """
    cached = cache.find_levels(list(levels))
    ahead = [sku for sku, level in cached.items() if level.version > levels[sku].version]
    if not ahead:
        return 0
    # Read once more: a sale between the two readings is a newer version too, and a real one.
    real = read_levels(ahead)
    if impossible := [sku for sku in ahead if cached[sku].version > real[sku].version]:
        cache.forget(impossible)
    return len(impossible)


def _pages(changed_within: timedelta | None) -> Iterator[list[str]]:
    stock = Stock.objects.using(DATABASE)
    chosen = stock.filter(updated_at__gt=Now() - changed_within) if changed_within else stock.all()
    last = ""
    while skus := list(chosen.filter(sku__gt=last).values_list("sku", flat=True).distinct().order_by("sku")[:PAGE]):
        yield skus
        last = skus[-1]
