"""Making read models again from the logs, while the shop goes on."""

from collections.abc import Callable, Iterator
from functools import partial

from nexus.contracts.base import Event
from nexus.eventbus.read_models import ReadModel
from nexus.eventbus.registry import members
from nexus.eventbus.wire import envelope_of

PAGE = 500


class SourceElsewhere(Exception):
    """What it is made from belongs to an app that does not run in this process."""


def find_read_models() -> dict[str, ReadModel]:
    """Those of this process's apps, by name."""
    return {model.name: model for member in members.values() for model in member.read_models}


def from_log(subscriber: str, kind: type[Event]) -> Callable[[], Iterator[int]]:
    """
    A rebuild that tells the subscriber's own handler all events of a kind once more, past the inbox. Only for kinds
    that tell a state with a version, of which the newest counts however often and late the others come.

    :raises SourceElsewhere: when it runs where the log is not
    """

    def rebuild() -> Iterator[int]:
        member, publisher = members[subscriber], members.get(kind.source)
        if publisher is None:
            raise SourceElsewhere(f"it is made from the log of {kind.source}, which is not here")
        for page in publisher.store.history([kind.type], size=PAGE):
            envelopes = [envelope_of(record) for record in page.records]
            member.store.transact(partial(member.handlers[kind.type], envelopes))
            yield len(page.records)

    return rebuild
