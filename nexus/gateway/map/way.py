"""The way of one order: what was told and heard because of it, when, and what it waited for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from nexus.contracts.base import EVENTS
from nexus.contracts.errors import NotFound
from nexus.contracts.inventory import StockLevelChanged
from nexus.contracts.orders import OrderOverdue, OrderPlaced
from nexus.eventbus.registry import Member, members
from nexus.eventbus.wire import Record
from nexus.gateway.map.plan import BUS, CUSTOMERS, GATEWAY, apps, arrow, store_of
from nexus.web.problems import UNREACHABLE

LATEST = "latest"
LOOKED_THROUGH = 2000
"""Orders among which a number is looked for; older ones are found by their id."""
LEVELS_UNKNOWN = (
    "When the new stock levels reached the catalog is not known for one order: levels are told for many at once."
)


class NoSuchOrder(NotFound):
    """There is no such order here; by its number only the newest orders can be found, any by its id."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """
    One thing that happened, or that is still to happen: then it has no instant. `seconds` are since what led to it, or
    until now.
    """

    app: str
    kind: str
    title: str
    about: str
    event_id: UUID
    at: datetime | None
    seconds: float
    arrows: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Way:
    """All steps in their order; `unknown` says what this process cannot know."""

    id: str
    number: str
    state: str
    correlation_id: str
    trace_id: str
    steps: Sequence[Step]
    unknown: Sequence[str]


@dataclass
class _Told:
    """An event and who heard it when; None for who has not yet."""

    record: Record
    app: str
    heard: dict[str, datetime | None] = field(default_factory=dict)
    buried: set[str] = field(default_factory=set)


def way_of(reference: str) -> Way:
    """
    The way of the order with that id or number, or of the newest one ("latest").

    :raises NoSuchOrder: it is not known here
    """
    subject = _subject_of(reference)
    told, silent = _ask_stores(subject)
    placed = next((each.record for each in told.values() if each.record.type == OrderPlaced.type), None)
    if placed is None:
        raise NoSuchOrder
    return Way(
        id=subject,
        number=_number_in(placed),
        state=_state(told.values()),
        correlation_id=placed.correlationid,
        trace_id=placed.traceparent[3:35],
        steps=_in_order(told),
        unknown=[*silent, *_unknown()],
    )


def _subject_of(reference: str) -> str:
    try:
        return str(UUID(reference))
    except ValueError:
        pass
    teller = members.get(OrderPlaced.source)
    size = 1 if reference == LATEST else LOOKED_THROUGH
    for record in teller.store.newest(OrderPlaced.type, size=size) if teller else ():
        if reference == LATEST or _number_in(record) == reference.upper():
            return record.subject
    raise NoSuchOrder


class _Placed(msgspec.Struct):
    number: str


_placed = msgspec.json.Decoder(_Placed)


def _number_in(record: Record) -> str:
    return _placed.decode(record.data).number


def _state(told: Iterable[_Told]) -> str:
    """What the newest of the order's own events made of it; that it is overdue makes nothing of it."""
    own = [
        each.record.type for each in told if each.app == OrderPlaced.source and each.record.type != OrderOverdue.type
    ]
    return _words(own[-1]).removeprefix("order ")


def _involved() -> list[Member]:
    """Orders, and whoever answers an order's being placed."""
    return [each for each in members.values() if each.name == OrderPlaced.source or OrderPlaced.type in each.handlers]


def _ask_stores(subject: str) -> tuple[dict[UUID, _Told], list[str]]:
    """What was told about the order and who heard it, in the order of time; and what could not be asked."""
    told: list[_Told] = []
    silent: dict[str, str] = {}
    for member in _involved():
        with _silence_of(member, silent):
            told += [_Told(record=record, app=member.name) for record in member.store.stream(subject)]
    found = {each.record.id: each for each in sorted(told, key=lambda each: each.record.time)}
    for member in _involved():
        with _silence_of(member, silent):
            _note_hearing(member, found)
    return found, list(silent.values())


@contextmanager
def _silence_of(member: Member, silent: dict[str, str]) -> Iterator[None]:
    """A store that is away costs what it knows; but without that of orders there is nothing to show."""
    try:
        yield
    except UNREACHABLE:
        if member.name == OrderPlaced.source:
            raise
        silent[member.name] = f"The store of {member.name} does not answer: what it told and heard is not known now."


def _note_hearing(member: Member, told: Mapping[UUID, _Told]) -> None:
    ids = [identity for identity, each in told.items() if each.record.type in member.handlers]
    if not ids:
        return
    heard = member.store.heard_at(member.name, ids)
    buried = member.store.list_buried(subscriber=member.name, ids=ids)
    for identity in ids:
        told[identity].heard[member.name] = heard.get(identity)
        if identity in buried:
            told[identity].buried.add(member.name)


def _in_order(told: Mapping[UUID, _Told]) -> list[Step]:
    """What follows from something never stands before it, though each machine has a clock of its own."""
    steps: list[Step] = []
    heard: dict[tuple[UUID, str], datetime] = {}
    before: datetime | None = None
    for each in told.values():
        led = heard.get((_uuid(each.record.causationid), each.app))
        at = max(filter(None, (each.record.time, led)))
        steps.append(_telling(each, at=at, since=led or before))
        for app, when in each.heard.items():
            if when is not None:
                heard[each.record.id, app] = max(when, at)
            steps.append(_hearing(each, app, at=heard.get((each.record.id, app)), since=at))
        before = at if each.app == OrderPlaced.source else before
    return sorted(steps, key=lambda step: (step.at is None, step.at or datetime.max.replace(tzinfo=UTC)))


def _telling(told: _Told, *, at: datetime, since: datetime | None) -> Step:
    kind = EVENTS.get(told.record.type)
    asked = [] if told.record.causationid else [arrow(CUSTOMERS, GATEWAY), arrow(GATEWAY, told.app)]
    onward = [arrow(told.app, BUS)] if kind is None or kind.expects_listeners else []
    return Step(
        app=told.app,
        kind="told",
        title=_words(told.record.type),
        about=_meaning(kind.__doc__ or "") if kind else "",
        event_id=told.record.id,
        at=at,
        seconds=(at - since).total_seconds() if since else 0.0,
        arrows=[*asked, arrow(told.app, store_of(told.app)), *onward],
    )


def _hearing(told: _Told, app: str, *, at: datetime | None, since: datetime) -> Step:
    handler = members[app].handlers[told.record.type]
    done = "heard" if at else "buried" if app in told.buried else "waits"
    return Step(
        app=app,
        kind=done,
        title=_words(told.record.type),
        about=getattr(handler, "__name__", "").replace("_", " "),
        event_id=told.record.id,
        at=at,
        seconds=((at or datetime.now(UTC)) - since).total_seconds(),
        arrows=[arrow(BUS, app), arrow(app, store_of(app))] if at else [arrow(BUS, app)],
    )


def _unknown() -> Iterator[str]:
    for app in apps():
        if app not in members:
            yield f"{app} is not in this process: what it told and heard is not known here."
    if any(StockLevelChanged.type in member.handlers for member in members.values()):
        yield LEVELS_UNKNOWN


def _words(kind: str) -> str:
    """The fact of a wire name as one would say it: ``orders.order-placed.v1`` is "order placed"."""
    return kind.partition(".")[2].rpartition(".v")[0].replace("-", " ")


def _meaning(documentation: str) -> str:
    """The first sentence, without what is for those who read code."""
    return documentation.strip().partition("\n")[0].partition(" (")[0].replace("`", "").rstrip(".") + "."


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
