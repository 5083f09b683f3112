"""A tick, told and heard; when it was heard stands in a table beside the inbox."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connections, transaction

from nexus.contracts.base import Envelope, Event, enclose, uuid7
from nexus.eventbus.registry import Subscriptions, in_batches
from nexus.eventbus.stores.postgres import PostgresStore

DATABASE = "orders"
TABLE = "CREATE TABLE IF NOT EXISTS tick (id uuid PRIMARY KEY, heard_at double precision NOT NULL)"
store = PostgresStore(DATABASE)


@dataclass(frozen=True, kw_only=True)
class Ticked(Event, name="ticks.ticked.v1"):
    """Nothing happened."""

    tick_id: UUID

    @property
    def subject(self) -> str:
        return str(self.tick_id)


@in_batches
def note_when_ticks_are_heard(told: Sequence[Envelope[Ticked]]) -> None:
    now = time.time()
    with connections[DATABASE].cursor() as cursor:
        ids = [envelope.data.tick_id for envelope in told]
        cursor.execute("INSERT INTO tick SELECT unnest(%s::uuid[]), %s", [ids, now])


def tell(count: int = 1) -> list[UUID]:
    """Tell that many ticks in one transaction; their ids."""
    ticks = [Ticked(tick_id=uuid7()) for _ in range(count)]
    with transaction.atomic(using=DATABASE):
        store.append([enclose(tick, sequence=1) for tick in ticks])
    return [tick.tick_id for tick in ticks]


SUBSCRIPTIONS: Subscriptions = {Ticked: note_when_ticks_are_heard}
