"""A second chance for an event that could not be handled."""

from datetime import UTC, datetime

from bson import ObjectId

from nexus.catalog.exceptions import DeadLetterNotFound
from nexus.catalog.models import DeadLetter
from nexus.catalog.models.connection import collection_of
from nexus.eventbus.delivery import deliver
from nexus.eventbus.instruments import Outcome
from nexus.eventbus.registry import members


def replay_dead_letter(*, letter_id: ObjectId) -> Outcome:
    """
    Deliver the event again, and mark the letter unless it had to be buried once more.

    :raises DeadLetterNotFound: there is no such letter
    :raises TryLater: a dependency is away
    """
    letters = collection_of(DeadLetter)
    letter = letters.find_one({"_id": letter_id})
    if letter is None:
        raise DeadLetterNotFound
    outcome = deliver(member=members["catalog"], message=letter["event"])
    if not outcome.buried:
        letters.update_one({"_id": letter_id}, {"$set": {"replayed_at": datetime.now(UTC)}})
    return outcome
