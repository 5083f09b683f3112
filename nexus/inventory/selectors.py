"""Reads of stock: from the cache when it has an answer, else from the database, which fills the cache."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models import Sum

from nexus.contracts.paging import Page, Slice
from nexus.inventory import cache
from nexus.inventory.cache import Level
from nexus.inventory.exceptions import ItemNotFound
from nexus.inventory.models import DATABASE, Item, LedgerEntry, Location, Share, Stock
from nexus.web.keyset import slice_of

Source = str
CACHE_PREFIX = cache.PREFIX
"""What the cache's keys begin with."""
SUMS_OF_LEDGER = """
SELECT sku, sum(there)::int, sum(kept)::int, sum(version)::bigint FROM (
    SELECT sku, sum(on_hand) AS there, sum(reserved) AS kept, max(version) AS version
    FROM inventory_ledgerentry WHERE sku = ANY(%s) GROUP BY sku, location_id) AS counter
GROUP BY sku
"""


@dataclass(frozen=True, kw_only=True)
class LevelView:
    """A level and where the answer came from: ``cache`` or ``database``."""

    level: Level
    source: Source


@dataclass(frozen=True, kw_only=True)
class Counters:
    """What was there and what was set aside at an instant."""

    on_hand: int
    reserved: int


def get_level(sku: str) -> LevelView:
    """
    How many can be sold.

    :raises ItemNotFound: no such sku
    """
    found = list_levels([sku])
    if not found:
        raise ItemNotFound
    return found[0]


def list_levels(skus: Sequence[str]) -> list[LevelView]:
    """The levels of those skus that exist, in the order asked: one round trip to the cache, at most one query."""
    cached = cache.find_levels(skus)
    missing = [sku for sku in skus if sku not in cached]
    read = read_levels(missing) if missing else {}
    if read and cache.is_there():
        cache.keep_newest(list(read.values()))
    return [
        LevelView(level=cached.get(sku) or read[sku], source="cache" if sku in cached else "database")
        for sku in dict.fromkeys(skus)
        if sku in cached or sku in read
    ]


def cache_question(sku: str) -> tuple[bytes, ...]:
    """What to ask Redis for a level, for whoever asks on a connection of their own."""
    return cache.question_of(sku)


def level_in_cache(sku: str, answer: Sequence[bytes | None]) -> LevelView | None:
    """The level in Redis' answer to `cache_question`, None when it has none."""
    level = cache.level_of(sku, answer)
    return LevelView(level=level, source="cache") if level else None


def read_levels(skus: Sequence[str]) -> dict[str, Level]:
    """The levels as the database has them; of a sku whose counters are lost, as the ledger has them."""
    now = datetime.now(UTC)
    sums = Stock.objects.using(DATABASE).filter(sku__in=skus).values("sku")
    rows: list[Any] = list(
        sums.annotate(there=Sum("on_hand"), kept=Sum("reserved"), versions=Sum("version")).order_by("sku")
    )
    if len(rows) < len(skus):
        rows += _sums_of_ledger(set(skus) - {row["sku"] for row in rows})
    return {
        row["sku"]: Level(sku=row["sku"], available=row["there"] - row["kept"], version=int(row["versions"]), as_of=now)
        for row in rows
    }


def _sums_of_ledger(skus: Iterable[str]) -> list[dict[str, Any]]:
    with connections[DATABASE].cursor() as cursor:
        cursor.execute(SUMS_OF_LEDGER, [sorted(skus)])
        return [dict(zip(("sku", "there", "kept", "versions"), row, strict=True)) for row in cursor.fetchall()]


def get_counters_at(sku: str, *, instant: datetime) -> Counters:
    """
    The level as it was, from the ledger alone.

    :raises ItemNotFound: no such sku
    """
    if not Item.objects.using(DATABASE).filter(sku=sku).exists():
        raise ItemNotFound
    entries = LedgerEntry.objects.using(DATABASE).filter(sku=sku, created_at__lte=instant)
    sums = entries.aggregate(there=Sum("on_hand"), kept=Sum("reserved"))
    return Counters(on_hand=sums["there"] or 0, reserved=sums["kept"] or 0)


def list_ledger(sku: str, *, page: Page) -> Slice[LedgerEntry]:
    """
    Every movement of a sku, newest first.

    :raises ItemNotFound: no such sku
    """
    if not Item.objects.using(DATABASE).filter(sku=sku).exists():
        raise ItemNotFound
    entries = LedgerEntry.objects.using(DATABASE).filter(sku=sku).select_related("location")
    return slice_of(entries, order=["-id"], page=page)


def list_locations() -> list[Location]:
    """Where goods may lie, the first to serve first."""
    return list(Location.objects.using(DATABASE).order_by("rank", "id"))


def find_location(code: str) -> Location | None:
    return Location.objects.using(DATABASE).filter(code=code).first()


def count_on_the_way() -> int:
    """Pieces that left for other regions and are not known to have arrived."""
    sent = Share.objects.using(DATABASE).filter(from_region=settings.REGION, arrived_at=None)
    return sent.aggregate(pieces=Sum("quantity"))["pieces"] or 0
