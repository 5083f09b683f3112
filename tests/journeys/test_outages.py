"""Dependencies die and come back; orders go on being taken, and nothing is lost or done twice."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.journeys.system import WORKERS, System, running_system
from tests.rabbitmq import PrivateRabbitMQ

ORDERS = "/api/v1/orders"


def order_of(shop: System, quantity: int = 1) -> dict[str, object]:
    return {"lines": [{"sku": shop.demo()["sku"], "quantity": quantity}]}


class TestEverythingButPostgresStopped:
    @pytest.fixture
    def shop(self, tmp_path: Path, rabbitmq: PrivateRabbitMQ) -> Iterator[System]:
        with running_system(tmp_path, broker_url=rabbitmq.url) as system:
            yield system

    def test_orders_are_placed_and_confirmed_when_it_is_all_back(self, shop: System, rabbitmq: PrivateRabbitMQ) -> None:
        customer = shop.log_in("customer")
        shop.call("POST", ORDERS, order_of(shop), Authorization=customer, Prefer="wait=10")
        stopped = [shop.stop_engine(name) for name in ("mongo", "valkey")]
        rabbitmq.kill()

        answers = [shop.call("POST", ORDERS, order_of(shop), Authorization=customer) for _ in range(5)]
        stock = shop.call("GET", f"/api/v1/inventory/stock/{shop.demo()['sku']}")
        products = shop.call("GET", "/api/v1/products")
        ready = shop.call("GET", "/readyz")

        rabbitmq.start()
        for engine in stopped:
            shop.start_engine(engine)

        assert [(answer.status, answer.body["status"]) for answer in answers] == [(201, "placed")] * 5
        assert (stock.status, stock.body["source"]) == (200, "database")
        assert (products.status, products.headers["Retry-After"]) == (503, "5")
        assert ready.status == 200
        eventually(shop.settled, within=90)
        assert {
            shop.call("GET", f"{ORDERS}/{answer.body['id']}", Authorization=customer).body["status"]
            for answer in answers
        } == {"confirmed"}
        assert shop.offenders() == []
        eventually(lambda: shop.call("GET", "/api/v1/products").status == 200)


class TestKilledInTheMiddle:
    ORDERS, BUYERS, KILLS = 500, 6, 3

    @pytest.mark.parametrize("victims", [("relay",), tuple(f"worker {name}" for name in WORKERS)], ids=str)
    def test_all_orders_settle_and_none_twice(self, distributed: System, victims: tuple[str, ...]) -> None:
        shop, customer = distributed, distributed.log_in("customer")
        shop.receive(2 * self.ORDERS)
        before = sum(shop.statuses().values())
        answered = threading.Semaphore(0)

        def buy(_: int) -> int:
            status = shop.call("POST", ORDERS, order_of(shop), Authorization=customer).status
            answered.release()
            return status

        with ThreadPoolExecutor(self.BUYERS) as pool:
            statuses = pool.map(buy, range(self.ORDERS))
            for _ in range(self.KILLS):
                for _ in range(self.ORDERS // (self.KILLS + 1)):
                    answered.acquire()
                for victim in victims:
                    shop.kill(victim)
                    shop.start(victim)

        assert set(statuses) == {201}
        eventually(shop.settled, within=120)
        assert sum(shop.statuses().values()) - before == self.ORDERS
        assert shop.offenders() == []
        assert shop.sql("orders", DOUBLED) == []


DOUBLED = "SELECT subject FROM event_log WHERE type = 'orders.order-confirmed.v1' GROUP BY 1 HAVING count(*) > 1"
