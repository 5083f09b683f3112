"""What the map shows: boxes and arrows, as the settings say which app is where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings

from nexus.eventbus.bus import backend
from nexus.eventbus.registry import Member, members
from nexus.eventbus.stores.postgres import PostgresStore

CUSTOMERS, GATEWAY, BUS, REDIS = "customers", "gateway", "bus", "redis"
BUSES = {"inprocess": "in this process", "celery": "RabbitMQ", "kafka": "Kafka"}
KEEPS_LEVELS = "inventory"
"""The app beside which Redis is drawn."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """How a number is to be read; `short` stands where there is little room."""

    title: str
    unit: str
    short: str = ""


FIGURES = {
    "rate": Figure(title="requests", unit="per_second", short="requests"),
    "told": Figure(title="events told", unit="per_second", short="told"),
    "heard": Figure(title="events taken in", unit="per_second", short="heard"),
    "writes": Figure(title="rows written", unit="per_second", short="written"),
    "lookups": Figure(title="keys looked up", unit="per_second", short="read"),
    "p50": Figure(title="half of them within", unit="seconds"),
    "p95": Figure(title="95 of 100 within", unit="seconds", short="p95"),
    "took": Figure(title="answers within", unit="seconds"),
    "errors": Figure(title="server errors", unit="share", short="errors"),
    "breaker": Figure(title="instances not asked", unit="share"),
    "under_way": Figure(title="under way", unit="count"),
    "shed": Figure(title="sent away", unit="per_second"),
    "limited": Figure(title="over their limit", unit="per_second"),
    "pending": Figure(title="wait in the log", unit="count"),
    "waiting": Figure(title="wait in the queue", unit="count"),
    "age": Figure(title="the oldest waits for", unit="seconds"),
    "lag": Figure(title="95 of 100 arrive within", unit="seconds"),
    "set_aside": Figure(title="set aside", unit="count"),
    "dead": Figure(title="dead letters", unit="count"),
}
REQUESTS = ("rate", "p50", "p95", "errors")
ON_THE_FACE = ("rate", "p95", "p50", "errors")
IN_A_QUEUE = ("heard", "waiting", "lag", "set_aside")
IN_THE_LOGS = ("heard", "pending", "age", "lag")
"""Of what an app hears: without a broker there is no queue, the logs themselves are it."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A part of the shop; the first figures are those on its face."""

    id: str
    title: str
    kind: str
    note: str
    figures: Sequence[str]

    @property
    def face(self) -> list[tuple[str, Figure]]:
        """What is seen without opening it."""
        return [(name, FIGURES[name]) for name in self.figures[:2]]

    @property
    def lined(self) -> str:
        """The figure whose last two minutes are drawn: how much there was to do."""
        return self.figures[1] if self.kind == "store" else self.figures[0]


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """What flows from one part to another; the first figure is the one that it carries."""

    source: str
    target: str
    title: str
    figures: Sequence[str]

    @property
    def id(self) -> str:
        return arrow(self.source, self.target)

    @property
    def direction(self) -> str:
        """Of the line on the page: only the bus sends something up."""
        return "up" if self.source == BUS else "down"


@dataclass(frozen=True, kw_only=True)
class Column:
    """An app with what belongs to it; without stores and bus where it lives in another process."""

    asked: Arrow
    app: Box
    stores: Sequence[tuple[Arrow, Box]]
    told: Arrow | None
    heard: Arrow | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The whole diagram, from top to bottom."""

    customers: Box
    entry: Arrow
    gateway: Box
    columns: Sequence[Column]
    bus: Box

    def boxes(self) -> Iterator[Box]:
        yield from (self.customers, self.gateway)
        for column in self.columns:
            yield from (column.app, *(box for _, box in column.stores))
        yield self.bus

    def arrows(self) -> Iterator[Arrow]:
        yield self.entry
        for column in self.columns:
            yield from (column.asked, *(line for line, _ in column.stores))
            yield from (line for line in (column.told, column.heard) if line)


def arrow(source: str, target: str) -> str:
    """The name of an arrow."""
    return f"{source}>{target}"


def store_of(app: str) -> str:
    """The name of the box for an app's own store."""
    return f"store-{app}"


def apps() -> list[str]:
    """Every app to which a route leads, here or elsewhere."""
    return list(dict.fromkeys(settings.ROUTES.values()))


def plan() -> Plan:
    """The diagram of the shop as this process knows it."""
    return Plan(
        customers=Box(
            id=CUSTOMERS, title="Customers", kind="people", note="everybody outside", figures=["rate", "errors"]
        ),
        entry=Arrow(source=CUSTOMERS, target=GATEWAY, title="Requests", figures=REQUESTS),
        gateway=_box(
            GATEWAY, "Gateway", "door", "routes · limits · breakers", [*ON_THE_FACE, "under_way", "shed", "limited"]
        ),
        columns=[_column(app, members.get(app)) for app in apps()],
        bus=_box(BUS, "Event bus", "bus", bus_name(), ["told", "heard", "took", "waiting", "set_aside"]),
    )


def bus_name() -> str:
    """What carries the events."""
    name = settings.EVENT_BUS["BACKEND"].rpartition(".")[2]
    return BUSES.get(name, name)


def has_broker() -> bool:
    """Whether somebody between the apps keeps what is on its way."""
    return not backend().CARRIED_BY_WEB


def _column(app: str, member: Member | None) -> Column:
    elsewhere = settings.SERVICES.get(app)
    note = f"elsewhere: {elsewhere}" if elsewhere else "in this process" if member else "not in this process"
    own = ["dead"] if member and member.handlers else []
    figures = [*ON_THE_FACE, *own, *(["breaker"] if elsewhere else [])]
    box = _box(app, app.title(), "app", note, figures)
    asked = Arrow(source=GATEWAY, target=app, title=f"Requests for {app}", figures=REQUESTS)
    if member is None:
        return Column(asked=asked, app=box, stores=[], told=None, heard=None)
    told = Arrow(source=app, target=BUS, title=f"What {app} tells", figures=["told", "pending", "age"])
    heard = Arrow(
        source=BUS, target=app, title=f"What {app} hears", figures=IN_A_QUEUE if has_broker() else IN_THE_LOGS
    )
    return Column(
        asked=asked, app=box, stores=_stores(app, member), told=told, heard=heard if member.handlers else None
    )


def _stores(app: str, member: Member) -> list[tuple[Arrow, Box]]:
    kind = "PostgreSQL" if isinstance(member.store, PostgresStore) else "MongoDB"
    found = [_store(app, store_of(app), kind, f"database of {app}")]
    return [*found, _store(app, REDIS, "Redis", "levels · limits · kept answers")] if app == KEEPS_LEVELS else found


def work_of(store: str) -> str:
    """The figure that says how much a store has to do."""
    return "lookups" if store == REDIS else "writes"


def _store(app: str, name: str, title: str, note: str) -> tuple[Arrow, Box]:
    work = work_of(name)
    line = Arrow(source=app, target=name, title=f"What {app} keeps in {title}", figures=[work, "took"])
    return line, _box(name, title, "store", note, ["took", work])


def _box(name: str, title: str, kind: str, note: str, figures: Sequence[str]) -> Box:
    return Box(id=name, title=title, kind=kind, note=note, figures=figures)
