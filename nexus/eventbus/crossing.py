"""Which facts leave their region, and for which region each is meant."""

from collections.abc import Callable

import msgspec

from nexus.contracts.base import EVENTS, Crossing
from nexus.eventbus.wire import Record


class _Address(msgspec.Struct):
    """Of a fact that crosses, all that a link reads."""

    to_region: str


def crosses(source: str) -> bool:
    """Whether the log of this app has facts for other regions."""
    return any(issubclass(kind, Crossing) and kind.source == source for kind in EVENTS.values())


def meant_for(region: str) -> Callable[[Record], bool]:
    """Chooses what is told to that region: never anything that is not made to leave."""

    def chosen(record: Record) -> bool:
        kind = EVENTS.get(record.type)
        if kind is None or not issubclass(kind, Crossing):
            return False
        return msgspec.json.decode(record.data, type=_Address).to_region == region

    return chosen
