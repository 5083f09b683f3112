"""Replaying what a subscriber could not handle, once the reason is mended."""

from collections.abc import Iterable, Iterator
from uuid import UUID

from django.utils import timezone

from nexus.eventbus.delivery import deliver
from nexus.eventbus.instruments import Outcome
from nexus.eventbus.models import DeadLetter
from nexus.eventbus.registry import members
from nexus.eventbus.stores.base import Letter


def replay(letters: Iterable[DeadLetter]) -> tuple[int, int]:
    """
    Deliver each event again under its own id, so that one that took effect meanwhile does nothing; how many were
    done, how many failed again.

    :raises TryLater: a dependency is away
    """
    done = failed = 0
    for letter in letters:
        member = members.get(letter.subscriber)
        outcome = deliver(member=member, message=letter.event) if member else Outcome()
        if outcome.applied or outcome.duplicate:
            letter.replayed_at = timezone.now()
            letter.save(update_fields=["replayed_at"])
            done += 1
        else:
            failed += 1
    return done, failed


def replay_waiting(*, subscriber: str, event_id: UUID | None = None) -> Iterator[tuple[Letter, bool]]:
    """
    Replay the subscriber's dead letters, or the one of an event, wherever its store keeps them; each with whether it
    is dealt with now.

    :raises TryLater: a dependency is away
    """
    member = members[subscriber]
    for letter in member.store.letters(subscriber):
        if event_id in (None, letter.event_id):
            outcome = deliver(member=member, message=letter.event)
            done = bool(outcome.applied or outcome.duplicate)
            if done:
                member.store.mark_replayed(subscriber=subscriber, event_id=letter.event_id)
            yield letter, done
