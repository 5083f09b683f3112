"""Which apps are here, where each keeps its log, and what each hears."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nexus.contracts.base import EVENTS, Event
from nexus.eventbus.invariants import Copy, Invariant, Testimony
from nexus.eventbus.read_models import ReadModel
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
class Gauge:
    """A figure of an app for Prometheus, read from its store when asked for."""

    name: str
    meaning: str
    read: Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Member:
    """An app on the bus: as a publisher by its log, as a subscriber by what it hears."""

    name: str
    store: Store
    handlers: dict[str, Handler] = field(default_factory=dict)
    chores: Chores = field(default_factory=dict)
    invariants: Sequence[Invariant] = ()
    copies: Sequence[Copy] = ()
    read_models: Sequence[ReadModel] = ()
    gauges: Sequence[Gauge] = ()
    testimonies: Sequence[Testimony] = ()

    @property
    def hears(self) -> set[str]:
        """The sources it hears something of."""
        return {kind.partition(".")[0] for kind in self.handlers}

    def takes(self, kind: str) -> bool:
        """
        Whether events of this type concern it: it hears them, or hears another version and does not know this one yet.

        What it cannot read yet must not vanish: it waits among the dead letters until the code that can is there.
        """
        return kind in self.handlers or (kind not in EVENTS and _fact_of(kind) in map(_fact_of, self.handlers))


def _fact_of(kind: str) -> str:
    """The type without its version."""
    return kind.rpartition(".v")[0]


members: dict[str, Member] = {}


def register(
    *,
    app: str,
    store: Store,
    subscriptions: Subscriptions | None = None,
    chores: Chores | None = None,
    invariants: Sequence[Invariant] = (),
    copies: Sequence[Copy] = (),
    read_models: Sequence[ReadModel] = (),
    gauges: Sequence[Gauge] = (),
    testimonies: Sequence[Testimony] = (),
) -> None:
    """
    Join the bus; called once by each app when Django starts.

    `chores` are done again and again, every so many seconds, wherever the relays run; each must bear being done by
    two processes at once. `invariants` and `copies` are what `manage.py verify` asks for, `read_models` what
    `manage.py rebuild` can make again, `gauges` what Prometheus is told beside the bus's own figures, `testimonies`
    what `manage.py recover` compares after a restore.
    """
    handlers = {kind.type: handler for kind, handler in (subscriptions or {}).items()}
    members[app] = Member(
        name=app,
        store=store,
        handlers=handlers,
        chores=chores or {},
        invariants=invariants,
        copies=copies,
        read_models=read_models,
        gauges=gauges,
        testimonies=testimonies,
    )
