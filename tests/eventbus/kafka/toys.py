"""Sending toys' events through a broker by hand, and working for the toys in a thread."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from django.db import connections

from nexus.contracts.base import Envelope, Event
from nexus.eventbus.backends.kafka import topology
from nexus.eventbus.backends.kafka.consumer import Subscription
from nexus.eventbus.backends.kafka.publisher import Outgoing, Publisher
from nexus.eventbus.backends.kafka.workplace import Casualties, Workplace
from nexus.eventbus.registry import Member
from nexus.eventbus.wire import record_of


@contextmanager
def working(member: Member, casualties: Casualties | None = None) -> Iterator[None]:
    """A worker of the member's, in a thread."""
    stop = threading.Event()

    def work() -> None:
        Subscription(member, Workplace(casualties or Casualties())).run(stop)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def to(topic: str) -> Publisher:
    return Publisher(lambda _: topic)


def send(topic: str, *told: Envelope[Event]) -> None:
    """One by one: asked for the end of a partition, this broker answers with the beginning of the last batch."""
    publish = to(topic)
    for each in told:
        publish([record_of(each)])


def messages_in(topic: str, *, count: int) -> list[Any]:
    """So many messages of the topic."""
    with closing(Consumer(topology.client(**{"group.id": "look", "enable.auto.commit": False}))) as reader:
        reader.assign([TopicPartition(topic, number, 0) for number in range(topology.PARTITIONS)])
        found = reader.consume(count, timeout=30)
    assert len(found) == count
    return found


def junk(topic: str, value: bytes, *, key: str = "junk") -> None:
    to(topic).send([Outgoing(topic=topic, key=key, value=value, headers=[])])
