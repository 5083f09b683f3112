"""Mistakes to plant into the shop: each takes one guard away. The simulation must find every one of them."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from nexus.contracts.orders import OrderConfirmed
from nexus.eventbus.relay import Relay
from nexus.eventbus.stores import postgres
from nexus.eventbus.stores.base import Reader
from nexus.inventory.models import State
from nexus.inventory.services import expire, settle, stockroom
from nexus.orders import services as orders
from nexus.orders.models import TRANSITIONS, Status
from nexus.orders.services import availability

Planted = AbstractContextManager[object]


def no_mark_of_an_early_cancellation() -> Planted:
    """An order cancelled before it was reserved is reserved all the same when the news comes late."""
    return patch.object(settle, "MARK", "SELECT %s::uuid[]")


def no_inbox() -> Planted:
    """An event takes effect each time it is delivered."""
    every_time = """
    INSERT INTO inbox (subscriber, event_id) SELECT %s, unnest(%s::uuid[])
    ON CONFLICT (subscriber, event_id) DO UPDATE SET processed_at = excluded.processed_at RETURNING event_id
    """
    return patch.object(postgres, "CLAIM", every_time)


def stock_released_whatever_became_of_it() -> Planted:
    """A cancellation gives back what had expired, and was given back, before."""
    return patch.object(settle, "RELEASE", replace(settle.RELEASE, before=(State.HELD, State.EXPIRED)))


def one_more_than_there_is() -> Planted:
    """The check of what can be sold is off by one."""
    real = stockroom.Stockroom.available
    return patch.object(stockroom.Stockroom, "available", lambda room, sku: real(room, sku) + 1)


def confirmed_after_cancelled() -> Planted:
    """The verdict moves an order that the customer has called off."""
    return patch.dict(TRANSITIONS, {OrderConfirmed: (frozenset({Status.PLACED, Status.CANCELLED}), Status.CONFIRMED)})


def cursor_moved_first() -> Planted:
    """The relay moves its cursor before the broker has confirmed."""

    def step(relay: Relay, reader: Reader) -> tuple[int, bool]:
        batch = reader.read(limit=500)
        if batch.records:
            reader.advance(batch)
            relay._publish(batch.records)
        return len(batch.records), batch.pending

    return patch.object(Relay, "_step", step)


def keys_forgotten() -> Planted:
    """A repeated request places another order."""
    real = orders.place_order

    def place(**named: Any) -> orders.Placement:
        return real(**named | {"claim": None})

    return patch.object(orders, "place_order", place)


def last_level_wins() -> Planted:
    """Orders believes the last level it hears, not the newest."""
    newest_only = "WHERE orders_stockhint.version < excluded.version"
    return patch.object(availability, "NOTE", availability.NOTE.replace(newest_only, ""))


def expiry_kept_to_itself() -> Planted:
    """Inventory puts overdue stock back on sale and tells nobody."""

    class Silent(postgres.PostgresStore):
        def append(self, envelopes: Sequence[object]) -> None:
            """Told to nobody."""

    return patch.object(expire, "store", Silent("inventory"))


def part_of_a_line() -> Planted:
    """Of a line that lies at several places, only what lies at the first is set aside."""
    real = stockroom.Stockroom.places_for

    def places(room: stockroom.Stockroom, sku: str, quantity: int) -> Iterable[tuple[int, int]]:
        return real(room, sku, quantity)[:1]

    return patch.object(stockroom.Stockroom, "places_for", places)


PLANTED: tuple[Callable[[], Planted], ...] = (
    no_mark_of_an_early_cancellation,
    no_inbox,
    stock_released_whatever_became_of_it,
    one_more_than_there_is,
    confirmed_after_cancelled,
    cursor_moved_first,
    keys_forgotten,
    last_level_wins,
    expiry_kept_to_itself,
    part_of_a_line,
)
