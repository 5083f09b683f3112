"""
The counters of some skus, locked, and everything that is about to happen to them.

Rows are always locked in the order of sku and location, so that no two transactions wait for each other in a circle.
Counters and ledger are written by one statement; levels are announced once per sku however many orders touched it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from django.db import connections, transaction

from nexus.contracts.base import enclose
from nexus.contracts.inventory import StockLevelChanged
from nexus.inventory import cache
from nexus.inventory.cache import Level
from nexus.inventory.models import DATABASE, Reason, store

LOCK = """
SELECT stock.sku, stock.location_id, stock.on_hand, stock.reserved, stock.version, location.rank
FROM inventory_stock AS stock JOIN inventory_location AS location ON location.id = stock.location_id
WHERE stock.sku = ANY(%s)
ORDER BY stock.sku, stock.location_id FOR UPDATE OF stock
"""
WRITE = """
WITH movement AS (
    SELECT * FROM unnest(%s::text[], %s::bigint[], %s::int[], %s::int[], %s::text[], %s::uuid[], %s::uuid[],
                         %s::text[], %s::text[])
        AS t(sku, location_id, on_hand, reserved, reason, cause_id, order_id, actor, note)
), total AS (
    SELECT sku, location_id, sum(on_hand) AS on_hand, sum(reserved) AS reserved FROM movement GROUP BY 1, 2
), counted AS (
    UPDATE inventory_stock AS stock
    SET on_hand = stock.on_hand + total.on_hand, reserved = stock.reserved + total.reserved,
        version = stock.version + 1, updated_at = clock_timestamp()
    FROM total WHERE stock.sku = total.sku AND stock.location_id = total.location_id
)
INSERT INTO inventory_ledgerentry
    (sku, location_id, on_hand, reserved, reason, cause_id, order_id, actor, note, created_at)
SELECT sku, location_id, on_hand, reserved, reason, cause_id, order_id, actor, note, clock_timestamp() FROM movement
"""


@dataclass(frozen=True, kw_only=True)
class Movement:
    """A change of the counters of one sku at one location, and why."""

    sku: str
    location_id: int
    on_hand: int = 0
    reserved: int = 0
    reason: Reason
    cause_id: UUID
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

    @classmethod
    def lock(cls, skus: Iterable[str]) -> "Stockroom":
        """Lock every counter of these skus; must be inside a transaction of the inventory database."""
        counters: dict[str, list[Counter]] = {}
        with connections[DATABASE].cursor() as cursor:
            cursor.execute(LOCK, [sorted(set(skus))])
            for sku, location_id, on_hand, reserved, version, rank in cursor.fetchall():
                counter = Counter(
                    location_id=location_id, on_hand=on_hand, reserved=reserved, version=version, rank=rank
                )
                counters.setdefault(sku, []).append(counter)
        return cls(counters=counters)

    def available(self, sku: str) -> int:
        """How many can still be taken, all locations together."""
        return sum(counter.available for counter in self.counters.get(sku, ()))

    def places_for(self, sku: str, quantity: int) -> list[tuple[int, int]]:
        """
        From which locations to take that many, as (location, quantity): the whole from the first in rank that has
        enough, else from as many as it needs. The caller has seen that there are enough.
        """
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
        counter = self._counter(movement.sku, movement.location_id)
        counter.on_hand += movement.on_hand
        counter.reserved += movement.reserved
        counter.moved = True
        self.movements.append(movement)

    def write(self) -> None:
        """Write counters and ledger, announce the new levels, and refresh the cache after commit."""
        if not self.movements:
            return
        with connections[DATABASE].cursor() as cursor:
            cursor.execute(WRITE, _columns(self.movements))
        levels = self._levels()
        store.append([enclose(_announce(level), sequence=level.version) for level in levels])
        transaction.on_commit(lambda: cache.keep_newest(levels), using=DATABASE, robust=True)

    def _counter(self, sku: str, location_id: int) -> Counter:
        return next(counter for counter in self.counters[sku] if counter.location_id == location_id)

    def _levels(self) -> list[Level]:
        now = datetime.now(UTC)
        return [
            Level(
                sku=sku,
                available=sum(counter.available for counter in counters),
                # Each written counter's version rises by one, so the sum rises with every change of the sku.
                version=sum(counter.version + counter.moved for counter in counters),
                as_of=now,
            )
            for sku, counters in self.counters.items()
            if any(counter.moved for counter in counters)
        ]


def _announce(level: Level) -> StockLevelChanged:
    return StockLevelChanged(sku=level.sku, available=level.available, version=level.version)


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
