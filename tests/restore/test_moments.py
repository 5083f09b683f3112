"""Stores that come back from different moments: what is told again, what is believed, and what nobody can mend."""

import pytest

from nexus.catalog import services as catalog
from nexus.eventbus import bus
from nexus.eventbus.recovery import recover
from nexus.eventbus.verification import verify
from nexus.inventory import services as inventory
from nexus.inventory.models import Reservation, Stock
from nexus.orders import services as orders
from nexus.orders.models import Order, Price
from tests.journeys.trading import DATABASES, buy
from tests.restore.moments import MongoMoment, PostgresMoment

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)
RESERVATIONS = "reservation: inventory agrees with orders"


def broken() -> dict[str, str]:
    """What verify finds, with the first offender."""
    return {finding.name: finding.offender for finding in verify(within=0) if finding.count}


def rest() -> None:
    """Everything told is heard, every level announced, as in a shop that runs."""
    bus.drain()
    inventory.announce_levels()
    bus.drain()


def available(sku: str) -> int:
    counter = Stock.objects.get(sku=sku)
    return counter.on_hand - counter.reserved


class TestOrdersFromAnOlderMoment:
    def test_goods_of_forgotten_orders_go_back_on_sale(self, traded: None) -> None:
        moment, before = PostgresMoment("orders"), available("LAMP")
        forgotten = buy(LAMP=2)
        rest()
        moment.bring_back()
        assert str(forgotten.id) in broken()[RESERVATIONS]

        said = list(recover())

        assert f"order {forgotten.id}: its reservation was released, for nobody knows that order" in said
        assert available("LAMP") == before
        assert broken() == {}

    def test_steps_that_inventory_had_heard_of_are_taken_again(self, traded: None) -> None:
        fates = {"shipped": buy(LAMP=1), "cancelled": buy(LAMP=1), "returned": buy(LAMP=1), "confirmed": buy(LAMP=1)}
        last = buy(LAMP=1)
        bus.drain()
        moment = PostgresMoment("orders")
        orders.cancel_order(order_id=fates["cancelled"].id)
        for name in ("shipped", "returned"):
            orders.ship_order(order_id=fates[name].id)
        orders.return_order(order_id=fates["returned"].id)
        orders.ship_order(order_id=last.id)
        orders.deliver_order(order_id=last.id)
        rest()
        on_hand = Stock.objects.get(sku="LAMP").on_hand
        moment.bring_back()

        list(recover())

        assert {name: Order.objects.get(id=each.id).status for name, each in fates.items()} == {n: n for n in fates}
        # Nobody but orders hears of a delivery, so that nobody can say it again.
        assert Order.objects.get(id=last.id).status == "shipped"
        assert Stock.objects.get(sku="LAMP").on_hand == on_hand
        assert broken() == {}

    def test_a_verdict_that_was_forgotten_is_told_again(self, traded: None) -> None:
        waiting, short = buy(LAMP=1), buy(SHADE=50)
        moment = PostgresMoment("orders")
        rest()
        moment.bring_back()

        list(recover())

        assert Order.objects.get(id=waiting.id).status == "confirmed"
        assert Order.objects.get(id=short.id).status == "rejected"
        assert broken() == {}

    def test_goods_that_left_for_a_forgotten_order_are_named_for_good(self, traded: None) -> None:
        moment = PostgresMoment("orders")
        gone = buy(LAMP=1)
        bus.drain()
        orders.ship_order(order_id=gone.id)
        rest()
        moment.bring_back()

        list(recover())

        assert list(broken()) == [RESERVATIONS]
        assert str(gone.id) in broken()[RESERVATIONS]


class TestInventoryFromAnOlderMoment:
    def test_what_happened_to_orders_happens_to_their_stock_again(self, traded: None) -> None:
        fates = [buy(LAMP=1), buy(LAMP=1), buy(LAMP=1), buy(LAMP=2)]
        moment = PostgresMoment("inventory")
        bus.drain()
        orders.cancel_order(order_id=fates[0].id)
        orders.ship_order(order_id=fates[1].id)
        orders.ship_order(order_id=fates[2].id)
        orders.return_order(order_id=fates[2].id)
        rest()
        held, left = available("LAMP"), Stock.objects.get(sku="LAMP").on_hand
        moment.bring_back()
        assert "inventory hears everything it is told" in broken()

        list(recover())

        states = [Reservation.objects.get(order_id=each.id).state for each in fates]
        assert states == ["released", "committed", "returned", "held"]
        assert (available("LAMP"), Stock.objects.get(sku="LAMP").on_hand) == (held, left)
        assert broken() == {}

    def test_goods_that_it_forgot_to_have_received_are_asked_for(self, traded: None) -> None:
        moment = PostgresMoment("inventory")
        inventory.receive_stock({"SHADE": 10})
        held, shipped = buy(SHADE=4), buy(SHADE=5)
        bus.drain()
        orders.ship_order(order_id=shipped.id)
        rest()
        moment.bring_back()

        said = list(recover())

        asked = "was promised goods that are not there: SHADE; count them, receive them, recover again"
        assert {f"order {each.id}: {asked}" for each in (held, shipped)} <= set(said)
        assert list(broken()) == [RESERVATIONS]

        inventory.receive_stock({"SHADE": 10})
        list(recover())

        states = [Reservation.objects.get(order_id=each.id).state for each in (held, shipped)]
        assert states == ["held", "committed"]
        assert broken() == {}

    def test_a_second_verdict_does_not_undo_the_first(self, traded: None) -> None:
        moment = PostgresMoment("inventory")
        refused = buy(SHADE=4)
        rest()
        moment.bring_back()
        inventory.receive_stock({"SHADE": 4})

        list(recover())

        assert Order.objects.get(id=refused.id).status == "rejected"
        assert Reservation.objects.get(order_id=refused.id).state == "released"
        assert broken() == {}


class TestMongoFromAnotherMoment:
    def test_later_the_price_book_follows(self, traded: None) -> None:
        moments = [PostgresMoment(alias) for alias in DATABASES]
        self._costs(2500)
        buy(LAMP=1)
        rest()
        for moment in moments:
            moment.bring_back()
        assert {"orders hears everything it is told", "inventory hears everything it is told"} <= broken().keys()

        list(recover())

        assert Price.objects.get(sku="LAMP").prices == {"EUR": 2500}
        assert broken() == {}

    def test_earlier_the_price_book_forgets_too(self, traded: None) -> None:
        moment = MongoMoment()
        self._costs(2500)
        buy(LAMP=1)
        rest()
        moment.bring_back()
        assert "offer: orders agrees with catalog" in broken()

        list(recover())

        assert Price.objects.get(sku="LAMP").prices == {"EUR": 1990}
        assert broken() == {}

    @staticmethod
    def _costs(amount: int) -> None:
        variant = catalog.NewVariant(sku="LAMP", prices={"EUR": amount}, attributes={"finish": "brass"})
        catalog.change_product(slug="lamp", changes=catalog.ProductChanges(variants=[variant]))
        bus.drain()


class TestAWholeShop:
    def test_is_left_alone(self, traded: None) -> None:
        first = list(recover())

        # Copies are always made again.
        assert [line for line in first if "was made again" not in line] == []
        assert broken() == {}
