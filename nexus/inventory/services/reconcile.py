"""Repairs the cache from the database: whatever made them differ, this makes them agree."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models.functions import Now

from nexus.inventory import cache
from nexus.inventory.models import DATABASE, Stock
from nexus.inventory.selectors import read_levels

PAGE = 1000


def reconcile_cache(*, changed_within: timedelta | None = None) -> int:
    """
    Write the database's levels into the cache, all or those changed lately; how many skus were looked at.
    """
    count = 0
    for skus in _pages(changed_within):
        cache.keep_newest(list(read_levels(skus).values()))
        count += len(skus)
    return count


def reconcile_recent_changes() -> int:
    """What a worker killed between commit and cache left behind is mended within the minute."""
    return reconcile_cache(changed_within=timedelta(minutes=2))


def _pages(changed_within: timedelta | None) -> Iterator[list[str]]:
    stock = Stock.objects.using(DATABASE)
    chosen = stock.filter(updated_at__gt=Now() - changed_within) if changed_within else stock.all()
    last = ""
    while skus := list(chosen.filter(sku__gt=last).values_list("sku", flat=True).distinct().order_by("sku")[:PAGE]):
        yield skus
        last = skus[-1]
