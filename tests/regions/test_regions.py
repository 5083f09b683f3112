"""
Two regions as processes, inventory alone of each: links are cut and a link's process killed while orders come in.
``python -m tests.regions`` does it with whole shops and customers, at night.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nexus.contracts.base import Event, enclose, uuid7
from nexus.contracts.catalog import OfferChanged
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
RECEIVE = "from nexus.inventory.services import receive_stock; receive_stock({{'LAMP': {quantity}}})"
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


def stock(broker: PrivateRabbitMQ, shop: RegionShop) -> None:
    tell(broker, shop, OfferChanged(sku=SKU, name=SKU, prices={"EUR": 1}, sellable=True, version=1))
    eventually(lambda: shop.sql("inventory", "SELECT 1 FROM inventory_item"))
    shop.manage("shell", "-c", RECEIVE.format(quantity=STOCK[shop.region]))


class TestTwoRegions:
    @pytest.mark.timeout(300)
    def test_sell_on_while_they_are_apart_and_never_more_than_there_is(
        self, shops: Shops, broker: PrivateRabbitMQ, tmp_path: Path
    ) -> None:
        eu, us = shops["eu"], shops["us"]
        eu.cut(Toxic(silent=True))
        us.cut(Toxic(down=True))
        side_by_side(lambda shop: stock(broker, shop), shops)

        for shop in shops.values():
            tell(broker, shop, *(order(2) for _ in range(5)))
        eventually(lambda: sum(verdicts(eu).values()) == sum(verdicts(us).values()) == 5)
        assert (verdicts(eu), verdicts(us)) == ({"held": 5}, {"held": 1, "rejected": 4})
        assert us.told("share", "send", "--sku", SKU, "--to", "eu", "--quantity", "1")[0] == 0
        assert (eu.free([SKU]), us.free([SKU]), us.on_the_way()) == (30, 0, 1), "out of one, not yet in the other"

        us.way_out.heal()
        eventually(lambda: eu.on_the_way() > 0, within=60)
        given = eu.on_the_way()
        assert eu.free([SKU]) + given == 31, "us has asked, and what it is given is on the way"
        eu.kill("link")
        eu.way_out.heal()
        eu.launch("link")

        eventually(lambda: not eu.on_the_way() and not us.on_the_way(), within=60)
        tell(broker, us, *(order(1) for _ in range(given + 3)))
        eventually(lambda: sum(verdicts(us).values()) == 5 + given + 3)
        self.agree(shops, tmp_path)

    def agree(self, shops: Shops, home: Path) -> None:
        """Nothing is oversold, each region is right by itself, and their reports are together."""
        sold = sum(dict(shop.sql("inventory", PROMISED)).get(SKU, 0) for shop in shops.values())
        assert STOCK["us"] < sold <= sum(STOCK.values())
        reports = side_by_side(lambda shop: shop.told("share", "report"), shops)
        files = [home / f"{region}.json" for region in shops]
        for file, (_, said) in zip(files, reports, strict=True):
            file.write_text(said)
        status, said = shops["eu"].told("share", "audit", *map(str, files))
        assert (status, "0 on the way in 0 shares, 0 not to be judged, 0 wrong" in said) == (0, True), said
        assert side_by_side(lambda shop: shop.verify(within=20), shops) == [[], []]
