"""
The counters of some skus, locked, and everything that is about to happen to them.

Rows are always locked in the order of sku and location, so that no two transactions wait for each other in a circle.
Counters and ledger are written by one statement; levels are announced once per sku however many orders touched it, and
those that nobody is in a hurry to know later, by `announce_levels`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from nexus.contracts.base import enclose
from nexus.contracts.inventory import StockLevelChanged
from nexus.eventbus.stores.postgres_rows import run
from nexus.inventory import cache
from nexus.inventory.cache import Level
from nexus.inventory.models import DATABASE, Reason, store
from nexus.inventory.services.restore import restore_counters

LOCK = """
SELECT stock.sku, stock.location_id, stock.on_hand, stock.reserved, stock.version, location.rank
FROM inventory_stock AS stock JOIN inventory_location AS location ON location.id = stock.location_id
WHERE stock.sku = ANY(%s::text[])
ORDER BY stock.sku, stock.location_id FOR UPDATE OF stock
"""
WRITE = """
WITH moment AS (
    SELECT clock_timestamp() AS at
), movement AS (
    SELECT * FROM unnest(%s::text[], %s::bigint[], %s::int[], %s::int[], %s::text[], %s::uuid[], %s::uuid[],
                         %s::text[], %s::text[])
        AS t(sku, location_id, on_hand, reserved, reason, cause_id, order_id, actor, note)
), total AS (
    SELECT sku, location_id, sum(on_hand) AS on_hand, sum(reserved) AS reserved FROM movement GROUP BY 1, 2
), counted AS (
    UPDATE inventory_stock AS stock
    SET on_hand = stock.on_hand + total.on_hand, reserved = stock.reserved + total.reserved,
        version = stock.version + 1, updated_at = moment.at
    FROM total, moment WHERE stock.sku = total.sku AND stock.location_id = total.location_id
    RETURNING stock.sku, stock.location_id, stock.version
)
, told AS (
    DELETE FROM inventory_untoldlevel WHERE sku = ANY(%s::text[])
), untold AS (
    INSERT INTO inventory_untoldlevel (sku, since) SELECT unnest(%s::text[]), at FROM moment ON CONFLICT DO NOTHING
)
INSERT INTO inventory_ledgerentry
    (sku, location_id, on_hand, reserved, version, reason, cause_id, order_id, actor, note, created_at)
SELECT sku, location_id, on_hand, reserved, version, reason, cause_id, order_id, actor, note, moment.at
FROM movement JOIN counted USING (sku, location_id), moment
"""


FEW = 10
"""A level as low as this matters to whoever is about to buy, and is announced at once."""


class Movement(NamedTuple):
    """A change of the counters of one sku at one location, and why."""

    sku: str
    location_id: int
    reason: Reason
    cause_id: UUID
    on_hand: int = 0
    reserved: int = 0
    order_id: UUID | None = None
    actor: str = ""
    note: str = ""


@dataclass
class Counter:
    """The counters of one sku at one location as they will be."""

    location_id: int
    on_hand: int
    reserved: int
    version: int
    rank: int
    moved: bool = False

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


@dataclass
class Stockroom:
    """Holds the locks until the transaction under way ends."""

    counters: dict[str, list[Counter]]
    movements: list[Movement] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._at_first = {sku: self.available(sku) for sku in self.counters}

    @classmethod
    def lock(cls, skus: Iterable[str]) -> "Stockroom":
        """
        Lock every counter of these skus; must be inside a transaction of the inventory database.

        A counter that is lost is made again from the ledger first.
        """
        wanted = set(skus)
        counters = _lock(wanted)
        if missing := wanted - counters.keys():
            # Looked for again even when none was restored: somebody else may just have done it.
            restore_counters(missing)
            counters = _lock(wanted)
        return cls(counters=counters)

    def available(self, sku: str) -> int:
        """How many can still be taken, all locations together."""
        return sum(counter.available for counter in self.counters.get(sku, ()))

    def places_for(self, sku: str, quantity: int) -> list[tuple[int, int]]:
        """
        From which locations to take that many, as (location, quantity): the whole from the first in rank that has
        enough, else from as many as it needs. The caller has seen that there are enough.
        """
        if len(self.counters[sku]) == 1:
            return [(self.counters[sku][0].location_id, quantity)]
        ranked = sorted(self.counters[sku], key=lambda counter: (counter.rank, counter.location_id))
        if whole := next((counter for counter in ranked if counter.available >= quantity), None):
            return [(whole.location_id, quantity)]
        places = []
        for counter in ranked:
            taken = min(counter.available, quantity)
            if taken > 0:
                places.append((counter.location_id, taken))
                quantity -= taken
        return places

    def move(self, movement: Movement) -> None:
        """Plan a movement; what is planned counts for all that follows."""
        counter = next(filter(lambda each: each.location_id == movement.location_id, self.counters[movement.sku]))
        counter.on_hand += movement.on_hand
        counter.reserved += movement.reserved
        counter.moved = True
        self.movements.append(movement)

    def write(self, *, at_once: bool = True) -> None:
        """
        Write counters and ledger, announce the new levels, and refresh the cache after commit.

        Without `at_once` a level is announced only if it is low, or was; the others when `announce_levels` comes to it.
        """
        if not self.movements:
            return
        levels = self.levels({movement.sku for movement in self.movements})
        now = [level for level in levels if at_once or min(level.available, self._at_first[level.sku]) <= FEW]
        told = {level.sku for level in now}
        later = [level.sku for level in levels if level.sku not in told]
        run(DATABASE, WRITE, [*_columns(self.movements), sorted(told), later])
        announce(now)
        transaction.on_commit(lambda: cache.keep_newest(levels), using=DATABASE, robust=True)

    def levels(self, skus: Iterable[str]) -> list[Level]:
        """What can be sold of these as it will be, without those that have no counters."""
        now = datetime.now(UTC)
        return [
            Level(
                sku=sku,
                available=self.available(sku),
                # Each written counter's version rises by one, so the sum rises with every change of the sku.
                version=sum(counter.version + counter.moved for counter in self.counters[sku]),
                as_of=now,
            )
            for sku in sorted(skus)
            if sku in self.counters
        ]


def _lock(skus: Iterable[str]) -> dict[str, list[Counter]]:
    counters: dict[str, list[Counter]] = {}
    for sku, location_id, on_hand, reserved, version, rank in run(DATABASE, LOCK, [sorted(skus)]):
        counter = Counter(location_id=location_id, on_hand=on_hand, reserved=reserved, version=version, rank=rank)
        counters.setdefault(sku, []).append(counter)
    return counters


def announce(levels: Sequence[Level]) -> None:
    """Tell everybody; must be inside the transaction that holds their locks."""
    store.append(
        [
            enclose(
                StockLevelChanged(sku=level.sku, available=level.available, version=level.version),
                sequence=level.version,
            )
            for level in levels
        ]
    )


def _columns(movements: Sequence[Movement]) -> list[list[object]]:
    return [
        [movement.sku for movement in movements],
        [movement.location_id for movement in movements],
        [movement.on_hand for movement in movements],
        [movement.reserved for movement in movements],
        [movement.reason.value for movement in movements],
        [movement.cause_id for movement in movements],
        [movement.order_id for movement in movements],
        [movement.actor for movement in movements],
        [movement.note for movement in movements],
    ]
