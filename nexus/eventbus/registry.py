"""Which apps are here, where each keeps its log, and what each hears."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nexus.contracts.base import Event
from nexus.eventbus.stores.base import Store

Handler = Callable[[Any], None]
Subscriptions = Mapping[type[Event], Handler]
Chores = Mapping[Callable[[], Any], float]
H = TypeVar("H", bound=Handler)

_BATCH = "_nexus_takes_batches"


def in_batches(handler: H) -> H:
    """Mark a handler that takes a sequence of envelopes of one type instead of a single one."""
    setattr(handler, _BATCH, True)
    return handler


def takes_batches(handler: Handler) -> bool:
    return getattr(handler, _BATCH, False)


@dataclass(frozen=True, kw_only=True)
class Member:
    """An app on the bus: as a publisher by its log, as a subscriber by what it hears."""

    name: str
    store: Store
    handlers: dict[str, Handler] = field(default_factory=dict)
    chores: Chores = field(default_factory=dict)

    @property
    def hears(self) -> set[str]:
        """The sources it hears something of."""
        return {kind.partition(".")[0] for kind in self.handlers}


members: dict[str, Member] = {}


def register(
    *,
    app: str,
    store: Store,
    subscriptions: Subscriptions | None = None,
    chores: Chores | None = None,
) -> None:
    """
    Join the bus; called once by each app when Django starts.

    `chores` are done again and again, every so many seconds, wherever the relays run; each must bear being done by
    two processes at once.
    """
    handlers = {kind.type: handler for kind, handler in (subscriptions or {}).items()}
    members[app] = Member(name=app, store=store, handlers=handlers, chores=chores or {})
