"""
What takes a guard away, so that the checks can be seen to notice.

Patched into the processes of a run by its settings module: the product has no switch for it.
"""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db import connections, transaction


def drop_confirms() -> None:
    """The relay takes whatever it wrote to its socket for published."""
    from nexus.eventbus.backends.celery.publisher import Publisher

    Publisher._await_confirms = lambda publisher: None


def drop_mandatory() -> None:
    """The broker may confirm what it has no queue for."""
    from nexus.contracts.base import EVENTS

    for event in EVENTS.values():
        event.expects_listeners = False


def drop_inbox() -> None:
    """What was delivered takes effect, however often that is."""
    from nexus.eventbus.stores import postgres

    def apply_each_time(
        store: Any, *, subscriber: str, ids: Sequence[UUID], work: Callable[[set[UUID]], None]
    ) -> set[UUID]:
        with transaction.atomic(using=store.database):
            with connections[store.database].cursor() as cursor:
                cursor.execute(postgres.CLAIM, [subscriber, sorted(ids)])
            work(set(ids))
        return set(ids)

    postgres.PostgresStore.apply_once = apply_each_time


def drop_guard() -> None:
    """There is always enough of everything; the constraint that would still object goes with `CONSTRAINT`."""
    from nexus.inventory.services import stockroom

    plenty = 1_000_000
    stockroom.Stockroom.available = lambda room, sku: plenty
    stockroom.Counter.available = plenty


def drop_members() -> None:
    """A subscriber's queue lives on one node of the broker's cluster alone."""
    from nexus.eventbus.backends.celery.topology import Topology

    queue = Topology.queue

    def lonely(topology: Topology, member: Any) -> Any:
        found = queue(topology, member)
        found.queue_arguments["x-quorum-initial-group-size"] = 1
        return found

    Topology.queue = lonely


def drop_majority() -> None:
    """A change of the catalog is done when one member has it."""
    from pymongo.write_concern import WriteConcern

    from nexus.eventbus.stores import mongo

    mongo.MAJORITY = WriteConcern(1)


CONSTRAINT = "ALTER TABLE inventory_stock DROP CONSTRAINT IF EXISTS never_oversold"
SABOTAGE: dict[str, Callable[[], None]] = {
    "confirms": drop_confirms,
    "inbox": drop_inbox,
    "guard": drop_guard,
    "mandatory": drop_mandatory,
    "members": drop_members,
    "majority": drop_majority,
}
