"""What `make nightly` asks beside the suite of stores from different moments: the cases that need a person."""

import pytest

from nexus.eventbus import bus
from nexus.eventbus.recovery import recover
from nexus.inventory import services as inventory
from nexus.orders import services as orders
from nexus.orders.models import Price
from tests.journeys.trading import DATABASES, buy
from tests.restore.moments import MongoMoment, PostgresMoment
from tests.restore.test_moments import RESERVATIONS, broken, costs, rest, states

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


def test_goods_that_left_for_a_forgotten_order_are_named_for_good(traded: None) -> None:
    moment = PostgresMoment("orders")
    gone = buy(LAMP=1)
    bus.drain()
    orders.ship_order(order_id=gone.id)
    rest()
    moment.bring_back()

    list(recover())

    assert list(broken()) == [RESERVATIONS]
    assert str(gone.id) in broken()[RESERVATIONS]


def test_goods_that_it_forgot_to_have_received_are_asked_for(traded: None) -> None:
    moment = PostgresMoment("inventory")
    inventory.receive_stock({"SHADE": 10})
    placed = {"held": buy(SHADE=4), "committed": buy(SHADE=5)}
    bus.drain()
    orders.ship_order(order_id=placed["committed"].id)
    rest()
    moment.bring_back()

    said = list(recover())

    asked = "was promised goods that are not there: SHADE; count them, receive them, recover again"
    assert {f"order {each.id}: {asked}" for each in placed.values()} <= set(said)
    assert list(broken()) == [RESERVATIONS]

    inventory.receive_stock({"SHADE": 10})
    list(recover())

    assert states(placed) == {name: name for name in placed}
    assert broken() == {}


def test_the_price_book_forgets_what_a_catalog_of_an_earlier_moment_has_forgotten(traded: None) -> None:
    moment = MongoMoment()
    costs(2500)
    buy(LAMP=1)
    rest()
    moment.bring_back()
    assert "offer: orders agrees with catalog" in broken()

    list(recover())

    assert Price.objects.get(sku="LAMP").prices == {"EUR": 1990}
    assert broken() == {}
