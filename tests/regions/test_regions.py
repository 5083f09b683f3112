"""
Two regions as processes, inventory alone of each: links are cut and a link's process killed while orders come in.
``python -m tests.regions`` does it with whole shops and customers, at night.
"""

from collections.abc import Iterator
from contextlib import closing

import pytest

from nexus.contracts.base import Event, enclose, uuid7
from nexus.contracts.orders import OrderLine, OrderPlaced
from nexus.eventbus.backends.celery.publisher import Publisher
from nexus.eventbus.wire import record_of
from tests.eventually import eventually
from tests.faultproxy import Toxic
from tests.rabbitmq import PrivateRabbitMQ
from tests.regions.brokers import own_url
from tests.regions.run import PROMISED
from tests.regions.shops import InventoryAlone, RegionShop, side_by_side, two_shops

SKU = "LAMP"
STATES = "SELECT state, count(*) FROM inventory_reservation GROUP BY state"
RECEIVE = """
from nexus.contracts.catalog import OfferChanged
from nexus.inventory.services import open_items, receive_stock
open_items([OfferChanged(sku="LAMP", name="Lamp", prices={{"EUR": 1}}, sellable=True, version=1)])
receive_stock({{"LAMP": {quantity}}})
"""
STOCK = {"eu": 40, "us": 3}
Shops = dict[str, RegionShop]


@pytest.fixture(scope="module")
def shops(broker: PrivateRabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    with two_shops(tmp_path_factory.mktemp("regions"), broker=broker, kind=InventoryAlone) as shops:
        yield shops


def tell(broker: PrivateRabbitMQ, shop: RegionShop, *events: Event) -> None:
    """As catalog or orders of that region would."""
    with closing(Publisher(address=own_url(broker, shop.region))) as publish:
        publish([record_of(enclose(event, sequence=1)) for event in events])


def order(quantity: int) -> OrderPlaced:
    line = OrderLine(sku=SKU, name=SKU, quantity=quantity, unit_price=1)
    return OrderPlaced(order_id=uuid7(), number="N-1", customer_id=uuid7(), currency="EUR", total=1, lines=(line,))


def verdicts(shop: RegionShop) -> dict[str, int]:
    """How many reservations there are in each state."""
    return dict(shop.sql("inventory", STATES))


def stock(shop: RegionShop) -> None:
    shop.manage("shell", "-c", RECEIVE.format(quantity=STOCK[shop.region]))


class TestTwoRegions:
    @pytest.mark.timeout(300)
    def test_sell_on_while_they_are_apart_and_never_more_than_there_is(
        self, shops: Shops, broker: PrivateRabbitMQ
    ) -> None:
        eu, us = shops["eu"], shops["us"]
        eu.cut(Toxic(silent=True))
        us.cut(Toxic(down=True))
        side_by_side(stock, shops)

        for shop in shops.values():
            tell(broker, shop, *(order(2) for _ in range(5)))
        eventually(lambda: sum(verdicts(eu).values()) == sum(verdicts(us).values()) == 5)
        assert (verdicts(eu), verdicts(us)) == ({"held": 5}, {"held": 1, "rejected": 4})
        us.kill("link")
        us.way_out.heal()
        us.launch("link")
        eventually(lambda: eu.on_the_way() > 0, within=60)
        given = eu.on_the_way()
        assert (eu.free([SKU]), us.free([SKU])) == (30 - given, 1), "out of one, not yet in the other"
        eu.way_out.heal()

        eventually(lambda: not eu.on_the_way() and not us.on_the_way(), within=60)
        tell(broker, us, *(order(1) for _ in range(given + 4)))
        eventually(lambda: sum(verdicts(us).values()) == 5 + given + 4)
        sold = sum(dict(shop.sql("inventory", PROMISED)).get(SKU, 0) for shop in shops.values())
        assert sold == 10 + 2 + given + 1, "to the last piece that us had and was given, and not one more"
        assert sum(shop.free([SKU]) for shop in shops.values()) + sold == sum(STOCK.values())
        assert side_by_side(lambda shop: shop.verify(within=20), shops) == [[], []]
