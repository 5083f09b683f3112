"""An order's way, whatever became of the order: over the apps' own services and stores in one process."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError

from nexus.contracts.orders import OrderPlaced
from nexus.eventbus import bus
from nexus.eventbus.models import InboxEntry
from nexus.eventbus.registry import members
from nexus.gateway.map.way import LEVELS_UNKNOWN, NoSuchOrder, Way, way_of
from nexus.inventory import services as inventory
from nexus.inventory.models import Reservation
from nexus.orders import services as orders
from tests.journeys.trading import DATABASES, buy

pytestmark = [pytest.mark.django_db(databases=DATABASES, transaction=True), pytest.mark.usefixtures("traded")]

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def story(way: Way) -> list[str]:
    return [f"{step.app} {step.kind} {step.title}" for step in way.steps]


CONFIRMED = [
    "orders told order placed",
    "inventory heard order placed",
    "inventory told stock reserved",
    "orders heard stock reserved",
    "orders told order confirmed",
]


class TestWayOf:
    def test_tells_what_led_to_what(self) -> None:
        order = buy(LAMP=1)
        bus.drain()

        way = way_of(str(order.id))

        assert story(way) == CONFIRMED
        assert way.state == "confirmed"
        assert [step.at for step in way.steps] == sorted(step.at or datetime.max for step in way.steps)
        assert all(step.seconds >= 0 for step in way.steps)
        assert way.steps[1].about == "reserve stock when orders are placed"

    def test_names_the_arrows_that_each_step_takes(self) -> None:
        order = buy(LAMP=1)
        bus.drain()

        steps = way_of(str(order.id)).steps

        assert [step.arrows for step in steps] == [
            ["customers>gateway", "gateway>orders", "orders>store-orders", "orders>bus"],
            ["bus>inventory", "inventory>store-inventory"],
            ["inventory>store-inventory", "inventory>bus"],
            ["bus>orders", "orders>store-orders"],
            ["orders>store-orders"],
        ]

    def test_never_puts_an_effect_before_its_cause(self) -> None:
        """A database whose clock is years behind."""
        order = buy(LAMP=1)
        bus.drain()
        InboxEntry.objects.using("inventory").update(processed_at=LONG_AGO)

        way = way_of(str(order.id))

        assert story(way) == CONFIRMED
        assert way.steps[1].seconds == 0

    def test_ends_where_stock_is_short(self) -> None:
        order = buy(LAMP=1, SHADE=1000)
        bus.drain()

        way = way_of(str(order.id))

        assert way.state == "rejected"
        assert story(way)[2:] == [
            "inventory told stock rejected",
            "orders heard stock rejected",
            "orders told order rejected",
        ]

    @pytest.mark.parametrize(
        ("steps", "state", "added"),
        [
            ([orders.cancel_order], "cancelled", ["orders told order cancelled", "inventory heard order cancelled"]),
            ([orders.ship_order], "shipped", ["orders told order shipped", "inventory heard order shipped"]),
            (
                [orders.ship_order, orders.deliver_order, orders.return_order],
                "returned",
                [
                    "orders told order shipped",
                    "inventory heard order shipped",
                    "orders told order delivered",
                    "orders told order returned",
                    "inventory heard order returned",
                ],
            ),
        ],
    )
    def test_goes_on_through_every_state(self, steps: list[Any], state: str, added: list[str]) -> None:
        order = buy(LAMP=1)
        bus.drain()
        for step in steps:
            step(order_id=order.id)
            bus.drain()

        way = way_of(str(order.id))

        assert (story(way), way.state) == ([*CONFIRMED, *added], state)

    def test_goes_on_when_a_reservation_runs_out(self) -> None:
        order = buy(LAMP=1)
        bus.drain()
        Reservation.objects.filter(order_id=order.id).update(expires_at=LONG_AGO)
        inventory.expire_reservations()
        bus.drain()

        way = way_of(str(order.id))

        assert way.state == "expired"
        assert story(way)[-3:] == [
            "inventory told reservation expired",
            "orders heard reservation expired",
            "orders told order expired",
        ]

    def test_says_what_has_not_been_heard_yet(self) -> None:
        order = buy(LAMP=1)

        way = way_of(str(order.id))

        assert story(way) == ["orders told order placed", "inventory waits order placed"]
        assert (way.state, way.steps[1].at) == ("placed", None)

    def test_says_what_could_not_be_handled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: object) -> None:
            raise ValueError("broken")

        with monkeypatch.context() as broken:
            broken.setitem(members["inventory"].handlers, OrderPlaced.type, fail)
            order = buy(LAMP=1)
            bus.drain()

        assert story(way_of(str(order.id)))[1] == "inventory buried order placed"

    def test_admits_what_it_cannot_know(self) -> None:
        order = buy(LAMP=1)

        assert way_of(str(order.id)).unknown == [LEVELS_UNKNOWN]

    def test_shows_the_rest_when_another_store_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        order = buy(LAMP=1)
        bus.drain()

        def away(_: str) -> None:
            raise OperationalError("away")

        monkeypatch.setattr(members["inventory"].store, "stream", away)
        monkeypatch.setattr(members["inventory"].store, "heard_at", lambda *_: away(""))
        way = way_of(str(order.id))

        assert story(way) == ["orders told order placed", "orders told order confirmed"]
        assert way.unknown[0].startswith("The store of inventory does not answer")

    def test_fails_when_the_store_of_orders_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(_: str) -> None:
            raise OperationalError("away")

        monkeypatch.setattr(members["orders"].store, "stream", away)

        with pytest.raises(OperationalError):
            way_of(str(uuid4()))

    @pytest.mark.parametrize("reference", ["", "N-2026-999999", str(uuid4()), "'; DROP TABLE event_log"])
    def test_knows_no_other(self, reference: str) -> None:
        with pytest.raises(NoSuchOrder):
            way_of(reference)

    def test_knows_apps_that_are_elsewhere(self) -> None:
        order = buy(LAMP=1)
        bus.drain()

        with without("inventory"):
            way = way_of(str(order.id))

        assert story(way) == ["orders told order placed", "orders told order confirmed"]
        assert "inventory is not in this process: what it told and heard is not known here." in way.unknown


@contextmanager
def without(app: str) -> Iterator[None]:
    member = members.pop(app)
    try:
        yield
    finally:
        members[app] = member
