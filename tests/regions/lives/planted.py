"""Mistakes to plant between regions: each takes one guard away. The lives must find every one of them."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from nexus.contracts.base import uuid7
from nexus.eventbus.relay import Relay
from nexus.eventbus.stores.base import Reader
from nexus.inventory import services
from nexus.inventory.models import Share
from nexus.inventory.services.shares import Arrival, send
from nexus.inventory.services.stockroom import Movement
from tests.simulation.planted import Planted, no_inbox


def arrived_as_often_as_delivered() -> Planted:
    """A share is put on the shelf each time it is delivered: neither the inbox nor a key of its own stops it."""
    real = services.receive_shares

    def receive(arrivals: Sequence[Arrival]) -> None:
        ids = [each.transfer_id for each in arrivals]
        again = set(Share.objects.filter(transfer_id__in=ids).values_list("transfer_id", flat=True))
        real([replace(each, transfer_id=uuid7()) if each.transfer_id in again else each for each in arrivals])

    stack = ExitStack()
    stack.enter_context(no_inbox())
    stack.enter_context(patch.object(services, "receive_shares", receive))
    return stack


def sent_what_is_set_aside() -> Planted:
    """What is there is given away, not what is free; the CHECK constraint stands alone behind it."""

    def on_hand(ours: int, theirs: int) -> int:
        return real(ours, theirs) + 30 if real(ours, theirs) else 0

    real = send._half_of_the_rest
    return patch.object(send, "_half_of_the_rest", on_hand)


def told_and_not_taken() -> Planted:
    """A share is told and stays on the shelf."""
    real = send.Movement

    def movement(**named: Any) -> Movement:
        return real(**named | {"on_hand": 0})

    return patch.object(send, "Movement", movement)


def position_moved_first() -> Planted:
    """A link moves its position before the other broker has confirmed."""

    def step(relay: Relay, reader: Reader) -> tuple[int, bool]:
        if not relay._only:
            return real(relay, reader)
        batch = reader.read(limit=500)
        if batch.records:
            reader.advance(batch)
            if records := list(filter(relay._only, batch.records)):
                relay._publish(records)
        return len(batch.records), batch.pending

    real = Relay._step
    return patch.object(Relay, "_step", step)


def heard_what_was_meant_for_others() -> Planted:
    """A region takes for its own what it told another."""
    return patch.object(services, "is_for_us", lambda _: True)


def everything_given_away() -> Planted:
    """Who is asked gives all it has, and asks for it back."""
    return patch.object(send, "_half_of_the_rest", lambda ours, _: max(0, ours))


def arrivals_kept_to_oneself() -> Planted:
    """What has arrived stays on the way in the books of who sent it."""
    return patch.object(services, "note_arrivals", lambda *_, **__: None)


PLANTED: tuple[Callable[[], Planted], ...] = (
    arrived_as_often_as_delivered,
    sent_what_is_set_aside,
    told_and_not_taken,
    position_moved_first,
    heard_what_was_meant_for_others,
    everything_given_away,
    arrivals_kept_to_oneself,
)
