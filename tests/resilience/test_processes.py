"""Processes in trouble for themselves: threads held by a store, a broker that takes nothing, a relay that is gone."""

import secrets
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.eventually import eventually
from tests.faultproxy import Toxic
from tests.rabbitmq import PrivateRabbitMQ
from tests.resilience.shop import FAULTS, ORDERS, ProxiedShop

BUYERS = 24
"""More than a web process has threads."""
BEGINNING_OF_A_FRAME = b"\x01\x00\x01\x00\x00\x10\x00of 4096 bytes"
ALARMED = "rabbit_alarm:get_alarms() =/= []."


def place(shop: ProxiedShop) -> str:
    body = {"lines": [{"sku": shop.demo()["sku"], "quantity": 1}]}
    answer = shop.call(
        "POST", ORDERS, body, Authorization=shop.log_in("customer"), Idempotency_Key=secrets.token_hex(8)
    )
    assert (answer.status, answer.body["status"]) == (201, "placed"), answer.body
    order_id: str = answer.body["id"]
    return order_id


def status_of(shop: ProxiedShop, order_id: str) -> str:
    [(status,)] = shop.sql("orders", "SELECT status FROM orders_order WHERE id = %s", order_id)
    return str(status)


class TestASilentPostgres:
    @pytest.fixture
    def patient_web(self, shop: ProxiedShop) -> Iterator[None]:
        """A web process in which a statement may take longer than this test."""
        shop.kill("web")
        shop.start("web", NEXUS_STATEMENT_SECONDS="120")
        yield
        shop.kill("web")
        shop.start("web")

    def test_leaves_threads_to_what_does_not_need_it(self, shop: ProxiedShop, patient_web: None) -> None:
        customer, postgres = shop.log_in("customer"), shop.proxies["postgres"]

        def look(_: int) -> int:
            return shop.call("GET", ORDERS, Authorization=customer).status

        with ThreadPoolExecutor(BUYERS) as crowd:
            assert set(crowd.map(look, range(BUYERS))) == {200}
            postgres.inflict(Toxic(silent=True))
            try:
                statuses = crowd.map(look, range(BUYERS))
                paths = ["/livez", "/api/v1/products?page_size=5"] * 10
                seen = [shop.call("GET", path).status for path in paths]
            finally:
                postgres.heal()

        assert set(seen) == {200}
        assert 503 in set(statuses)


class TestABrokerWithoutMemory:
    @pytest.fixture
    def alarm(self, rabbitmq: PrivateRabbitMQ) -> Iterator[None]:
        """It accepts connections, and takes nothing from whoever publishes."""
        rabbitmq.control("set_vm_memory_high_watermark", "0.0001")
        try:
            eventually(lambda: "true" in rabbitmq.control("eval", ALARMED), within=60)
            yield
        finally:
            rabbitmq.control("set_vm_memory_high_watermark", "0.4")

    def test_gets_the_orders_when_it_has_some_again(
        self, shop: ProxiedShop, rabbitmq: PrivateRabbitMQ, alarm: None
    ) -> None:
        gave_up = shop.log_of("relay").count("again in")
        order_id = place(shop)

        eventually(lambda: shop.log_of("relay").count("again in") > gave_up, within=90)
        assert status_of(shop, order_id) == "placed"
        rabbitmq.control("set_vm_memory_high_watermark", "0.4")

        eventually(lambda: status_of(shop, order_id) == "confirmed", within=90)


class TestABrokerThatVanishes:
    def test_in_the_middle_of_a_frame_keeps_nobody(self, shop: ProxiedShop) -> None:
        """Neither workers nor relay wait for the rest of it; they notice that nothing comes, and connect anew."""
        shop.proxies["rabbitmq"].half_open(last_words=BEGINNING_OF_A_FRAME)

        order_id = place(shop)

        eventually(lambda: status_of(shop, order_id) == "confirmed", within=90)


class TestAStandbyRelay:
    def test_takes_over_from_one_that_was_killed(self, shop: ProxiedShop) -> None:
        shop.start("relay#standby")
        eventually(lambda: "relay is running" in shop.log_of("relay#standby"), within=60)

        shop.kill("relay")

        order_id = place(shop)
        eventually(lambda: status_of(shop, order_id) == "confirmed", within=60)


class TestAWorker:
    @pytest.mark.parametrize("fault", ["down", "silent", "half-open"])
    def test_ends_when_it_is_told_to_whatever_its_broker_does(self, shop: ProxiedShop, fault: str) -> None:
        FAULTS[fault](shop.proxies["rabbitmq"])
        try:
            # Sent to the worker alone, as a supervisor does; `kill` waits half a minute for it to end.
            shop.kill("worker orders", signal.SIGTERM)
        finally:
            shop.proxies["rabbitmq"].heal()
            shop.start("worker orders")
