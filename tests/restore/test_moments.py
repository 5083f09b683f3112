"""Stores that come back from different moments: what is told again, what is believed, and what nobody can mend."""

from collections.abc import Mapping

import pytest

from nexus.catalog import services as catalog
from nexus.eventbus import bus
from nexus.eventbus.recovery import recover
from nexus.eventbus.verification import verify
from nexus.inventory import services as inventory
from nexus.inventory.models import Reservation, Stock
from nexus.orders import services as orders
from nexus.orders.models import Order, Price
from nexus.orders.selectors import OrderView
from tests.journeys.trading import DATABASES, buy
from tests.restore.moments import PostgresMoment

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


def statuses(placed: Mapping[str, OrderView]) -> dict[str, str]:
    return {name: Order.objects.get(id=each.id).status for name, each in placed.items()}


def states(placed: Mapping[str, OrderView]) -> dict[str, str]:
    return {name: Reservation.objects.get(order_id=each.id).state for name, each in placed.items()}


def counters() -> list[tuple[object, ...]]:
    return list(Stock.objects.order_by("sku").values_list("sku", "on_hand", "reserved"))


def costs(amount: int) -> None:
    variant = catalog.NewVariant(sku="LAMP", prices={"EUR": amount}, attributes={"finish": "brass"})
    catalog.change_product(slug="lamp", changes=catalog.ProductChanges(variants=[variant]))
    bus.drain()


class TestOrdersFromAnOlderMoment:
    def test_it_follows_what_inventory_had_heard(self, traded: None) -> None:
        placed = {name: buy(LAMP=1) for name in ("shipped", "cancelled", "returned", "confirmed", "delivered")}
        bus.drain()
        # Their verdicts are given, and forgotten.
        placed |= {"late": buy(LAMP=1), "rejected": buy(SHADE=50)}
        moment = PostgresMoment("orders")
        rest()
        orders.cancel_order(order_id=placed["cancelled"].id)
        for name in ("shipped", "returned", "delivered"):
            orders.ship_order(order_id=placed[name].id)
        orders.return_order(order_id=placed["returned"].id)
        orders.deliver_order(order_id=placed["delivered"].id)
        rest()
        before = counters()
        forgotten = buy(LAMP=2)
        bus.drain()
        moment.bring_back()
        assert {RESERVATIONS, "orders hears everything it is told"} <= broken().keys()

        said = list(recover())

        # Nobody but orders hears of a delivery, so that nobody can say it again.
        expected = {name: name for name in placed} | {"late": "confirmed", "delivered": "shipped"}
        assert statuses(placed) == expected
        assert f"order {forgotten.id}: its reservation was released, for nobody knows that order" in said
        assert counters() == before
        assert broken() == {}


class TestInventoryFromAnOlderMoment:
    def test_what_happened_to_orders_happens_to_their_stock_again(self, traded: None) -> None:
        placed = {name: buy(LAMP=1) for name in ("released", "committed", "returned", "held")}
        moment = PostgresMoment("inventory")
        bus.drain()
        orders.cancel_order(order_id=placed["released"].id)
        for name in ("committed", "returned"):
            orders.ship_order(order_id=placed[name].id)
        orders.return_order(order_id=placed["returned"].id)
        rest()
        refused, before = buy(SHADE=4), counters()
        rest()
        moment.bring_back()
        # This time there would be enough; the order has been refused for all that.
        inventory.receive_stock({"SHADE": 4})
        assert "inventory hears everything it is told" in broken()

        list(recover())

        assert states(placed | {"released too": refused}) == {n: n for n in placed} | {"released too": "released"}
        assert Order.objects.get(id=refused.id).status == "rejected"
        assert [each for each in counters() if each[0] == "LAMP"] == [each for each in before if each[0] == "LAMP"]
        assert broken() == {}


class TestMongoFromAnotherMoment:
    def test_later_the_price_book_follows(self, traded: None) -> None:
        moments = [PostgresMoment(alias) for alias in DATABASES]
        costs(2500)
        buy(LAMP=1)
        rest()
        for moment in moments:
            moment.bring_back()
        assert {"orders hears everything it is told", "inventory hears everything it is told"} <= broken().keys()

        list(recover())

        assert Price.objects.get(sku="LAMP").prices == {"EUR": 2500}
        assert broken() == {}
