"""From RabbitMQ to Kafka while customers go on buying: nothing is lost, nothing happens twice, nobody notices."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from kombu import Connection

from tests.eventually import eventually
from tests.journeys.system import WORKERS, System, running_system
from tests.journeys.test_outages import DOUBLED, ORDERS, order_of
from tests.kafka import PrivateKafka, private_kafka
from tests.rabbitmq import PrivateRabbitMQ

BUYERS, EACH_PHASE, PAUSE = 3, 40, 0.05
RABBITMQ_WORKERS = [f"worker {name}" for name in WORKERS]
KAFKA_WORKERS = [f"worker {name} --concurrency {size}" for name, size in zip(WORKERS, (1, 2, 1), strict=True)]


@pytest.fixture(scope="module")
def kafka() -> Iterator[PrivateKafka]:
    with private_kafka() as broker:
        yield broker


@pytest.fixture
def shop(tmp_path: Path, rabbitmq: PrivateRabbitMQ) -> Iterator[System]:
    """One of this test's own: it ends on another transport than it began with."""
    with running_system(tmp_path, broker_url=rabbitmq.url) as system:
        yield system


class Buyers:
    """Customers who buy one thing after another until told to stop."""

    def __init__(self, shop: System) -> None:
        self._shop, self._customer = shop, shop.log_in("customer")
        self._enough = threading.Event()
        self.answers: list[int] = []

    def buy(self) -> None:
        while not self._enough.is_set():
            answer = self._shop.call("POST", ORDERS, order_of(self._shop), Authorization=self._customer)
            if answer.status == 401:
                # A slow machine outlives the token.
                self._customer = self._shop.log_in("customer")
                continue
            self.answers.append(answer.status)
            self._enough.wait(PAUSE)

    @contextmanager
    def buying(self) -> Iterator[None]:
        with ThreadPoolExecutor(BUYERS) as pool:
            futures: list[Future[None]] = [pool.submit(self.buy) for _ in range(BUYERS)]
            try:
                yield
            finally:
                self._enough.set()
        for future in futures:
            future.result()

    def go_on(self) -> None:
        """Return when so many more orders were placed."""
        so_far = len(self.answers)
        eventually(lambda: len(self.answers) >= so_far + EACH_PHASE, within=90)


def test_a_switch_under_load_loses_nothing_and_doubles_nothing(shop: System, kafka: PrivateKafka) -> None:
    buyers = Buyers(shop)
    over_kafka = {"NEXUS_EVENT_BUS": "kafka", "NEXUS_KAFKA_SERVERS": kafka.servers}
    shop.receive(10_000)
    eventually(shop.settled, within=90)
    before = shop.statuses()

    with buyers.buying():
        buyers.go_on()
        shop.manage("prepare", **over_kafka)
        shop.start("relay --from celery", *KAFKA_WORKERS, **over_kafka)
        eventually(lambda: delivered_over_kafka(shop, kafka), within=90, every=0.3)
        buyers.go_on()
        retire(shop, "relay")
        retire_workers(shop)
        buyers.go_on()

    assert set(buyers.answers) == {201}
    eventually(shop.settled, within=120)
    assert shop.statuses() == before | {"confirmed": before["confirmed"] + len(buyers.answers)}
    assert shop.offenders() == []
    assert shop.sql("orders", DOUBLED) == []
    # What RabbitMQ had carried before was not published again: no product has changed since.
    assert ends(kafka, f"{shop.name}.catalog") == 0
    assert ends(kafka, f"{shop.name}.orders") > 0


def delivered_over_kafka(shop: System, kafka: PrivateKafka) -> bool:
    """Whether each subscriber's group has taken something."""
    admin = admin_of(kafka)
    for name in WORKERS:
        group = f"{shop.name}.{name}"
        places = [TopicPartition(f"{shop.name}.inventory", 0), TopicPartition(f"{shop.name}.orders", 0)]
        asked = ConsumerGroupTopicPartitions(group, places)
        found = admin.list_consumer_group_offsets([asked])[group].result(10)
        if all(each.offset <= 0 for each in found.topic_partitions):
            return False
    return True


def retire(shop: System, *names: str) -> None:
    """As an orchestrator stops them: what they have in hand is finished."""
    processes = [shop.processes.pop(name) for name in names]
    for process in processes:
        process.terminate()
    assert [process.wait(90) for process in processes] == [0] * len(processes)


def retire_workers(shop: System) -> None:
    """Until nothing is left in RabbitMQ: a worker gives back what it had fetched and not begun."""
    eventually(lambda: waiting(shop) == 0, within=90, every=0.3)
    retire(shop, *RABBITMQ_WORKERS)
    if waiting(shop):
        shop.start(*RABBITMQ_WORKERS)
        retire_workers(shop)


def waiting(shop: System) -> int:
    with Connection(shop.broker_url) as connection:
        queues = [f"{shop.name}.{name}" for name in WORKERS]
        return sum(connection.default_channel.queue_declare(each, passive=True).message_count for each in queues)


def ends(kafka: PrivateKafka, topic: str) -> int:
    """How far the topic reaches, over all its partitions; this broker says a little less than there is."""
    admin = admin_of(kafka)
    partitions = admin.list_topics(timeout=10).topics[topic].partitions
    asked = admin.list_offsets({TopicPartition(topic, number): OffsetSpec.latest() for number in partitions})
    return sum(found.result(10).offset for found in asked.values())


def admin_of(kafka: PrivateKafka) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka.servers, "log_level": 0})
