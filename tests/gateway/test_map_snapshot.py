"""What the map makes of answers and figures: over made-up ones, for what a running shop does not do on demand."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from prometheus_client import CollectorRegistry, Gauge, Histogram

from nexus.eventbus import registry as bus
from nexus.eventbus.doctor import State
from nexus.eventbus.registry import Member
from nexus.eventbus.stores.mongo import MongoStore
from nexus.eventbus.stores.postgres import PostgresStore
from nexus.gateway.map import health
from nexus.gateway.map.engines import Answer, Question
from nexus.gateway.map.plan import plan
from nexus.gateway.map.snapshot import Look

ELSEWHERE = {"orders": "http://10.0.0.7:8000 http://10.0.0.8:8000"}
WAITING = "orders > inprocess inventory"
Looking = Callable[[dict[str, Question]], Look]


@pytest.fixture(autouse=True)
def members(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apps of which nothing is asked: the gateway's tests know no other app."""

    def never() -> Any:
        raise AssertionError("nobody is asked here")

    def hear(_: object) -> None: ...

    stores = {app: PostgresStore(app) for app in ("accounts", "inventory", "orders")} | {"catalog": MongoStore(never)}
    hears = {"inventory": "orders.order-placed.v1", "orders": "inventory.stock-reserved.v1"}
    for app in list(bus.members):
        monkeypatch.delitem(bus.members, app)
    for app, store in stores.items():
        handlers: dict[str, Any] = {hears[app]: hear} if app in hears else {}
        monkeypatch.setitem(bus.members, app, Member(name=app, store=store, handlers=handlers))


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def looking(registry: CollectorRegistry) -> Iterator[Looking]:
    looks: list[Look] = []

    def look(asked: dict[str, Question]) -> Look:
        looks.append(Look(asked=asked, counted=registry.collect))
        return looks[-1]

    yield look
    for each in looks:
        each.close()


def away() -> Answer:
    raise ConnectionError("refused")


class TestPlan:
    def test_says_where_an_app_is_that_is_elsewhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(settings, "SERVICES", ELSEWHERE)

        notes = {column.app.id: column.app.note for column in plan().columns}

        assert notes["orders"] == f"elsewhere: {ELSEWHERE['orders']}"
        assert notes["catalog"] == "in this process"

    @pytest.mark.parametrize(
        ("backend", "name"), [("inprocess", "in this process"), ("celery", "RabbitMQ"), ("kafka", "Kafka")]
    )
    def test_names_what_carries_events(self, monkeypatch: pytest.MonkeyPatch, backend: str, name: str) -> None:
        chosen = settings.EVENT_BUS | {"BACKEND": f"nexus.eventbus.backends.{backend}"}
        monkeypatch.setattr(settings, "EVENT_BUS", chosen)

        assert plan().bus.note == name

    def test_gives_every_part_a_name_of_its_own(self) -> None:
        drawn = plan()
        names = [box.id for box in drawn.boxes()] + [line.id for line in drawn.arrows()]

        assert len(set(names)) == len(names) >= 18


class TestLook:
    def test_sees_every_part_of_the_plan(self, looking: Looking) -> None:
        look = looking({})

        seen = look.take().seen

        assert seen.keys() == {each.id for each in (*look.plan.boxes(), *look.plan.arrows())}

    def test_sees_breakers_that_are_open(
        self, looking: Looking, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(settings, "SERVICES", ELSEWHERE)
        Gauge("nexus_breaker_state", "", ["target"], registry=registry).labels("orders").set(1)

        seen = looking({}).take().seen

        assert (seen["orders"].state, seen["orders"].figures["breaker"]) == (State.BROKEN, 1)
        assert seen["gateway>orders"].state is State.BROKEN
        assert seen["catalog"].state is State.WELL

    def test_sees_answers_that_are_errors(self, looking: Looking, registry: CollectorRegistry) -> None:
        labels = ["http_request_method", "http_route", "http_response_status_code"]
        requests = Histogram("http_server_request_duration_seconds", "", labels, registry=registry)
        look = looking({})
        look.take()
        for status in ("200", "500", "500", "500"):
            requests.labels("GET", "/api/v1/orders", status).observe(0.01)

        seen = look.take().seen

        assert (seen["orders"].state, seen["orders"].figures["errors"]) == (State.POORLY, 0.75)
        assert seen["orders"].says == ["75% of its answers are server errors."]

    def test_sees_that_nobody_takes_what_waits(self, looking: Looking, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(health, "STUCK", 1e-9)
        waits: dict[str, Question] = {
            "orders": lambda: Answer(told=9, heard=0, backlog={WAITING: (5, 1.0)}),
            "inventory": lambda: Answer(told=0, heard=7),
        }
        look = looking(waits)
        # The second look knows that nothing was taken, the third since when.
        look.take()
        look.take()

        seen = look.take().seen

        assert seen["bus>inventory"].state is State.BROKEN
        assert seen["bus>inventory"].figures["pending"] == 5
        assert seen["inventory"].says == ["Nobody takes what inventory should hear; 5 wait."]

    def test_is_patient_while_something_is_taken(self, looking: Looking, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(health, "STUCK", 1e-9)
        taken = iter(range(100))
        waits: dict[str, Question] = {
            "orders": lambda: Answer(told=9, heard=0, backlog={WAITING: (5, 1.0)}),
            "inventory": lambda: Answer(told=0, heard=next(taken)),
        }
        look = looking(waits)
        look.take()
        look.take()

        assert look.take().seen["bus>inventory"].state is State.WELL

    @pytest.mark.parametrize("box", ["store-orders", "store-catalog", "redis", "bus"])
    def test_shows_an_engine_that_is_away(self, looking: Looking, box: str) -> None:
        seen = looking({box: away}).take().seen

        assert (seen[box].state, seen[box].figures["took"]) == (State.BROKEN, None)
        assert seen[box].says[0].endswith(health.WITHOUT[box])
        assert seen[box].says[1] == "Its driver says: refused"

    def test_tells_the_app_what_its_store_means_to_it(self, looking: Looking) -> None:
        seen: Any = looking({"store-orders": away, "orders": away}).take().seen

        assert (seen["orders"].state, len(seen["orders"].says)) == (State.BROKEN, 1)

    def test_says_when_only_events_cannot_be_read(self, looking: Looking) -> None:
        seen = looking({"store-orders": Answer, "orders": away}).take().seen

        assert (seen["orders"].state, seen["store-orders"].state) == (State.POORLY, State.WELL)
