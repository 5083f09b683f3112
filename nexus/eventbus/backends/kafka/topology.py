"""
Who gets what, in Kafka's terms: a topic for each source of facts, and for each subscriber a consumer group, a topic of
its own for what is handed to it alone, and one for what it cannot read.
"""

import logging
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from django.conf import settings

from nexus.eventbus.backends import BrokerAway
from nexus.eventbus.registry import Member

PARTITIONS = 6
"""How many consumers of one subscriber can work at once; raising it in a topic that is in use mixes up orders."""
LARGEST_MESSAGE = 4 * 2**20
ANSWER_WITHIN = 10.0

log = logging.getLogger("nexus.eventbus.kafka")


@dataclass(frozen=True)
class Topology:
    """Names under one namespace, so that several systems can share a broker."""

    namespace: str

    def facts(self, source: str) -> str:
        """The topic of all that the source tells."""
        return f"{self.namespace}.{source}"

    def group(self, subscriber: str) -> str:
        return f"{self.namespace}.{subscriber}"

    def replays(self, subscriber: str) -> str:
        """The topic of what is handed to this subscriber alone, again."""
        return f"{self.namespace}.{subscriber}.replay"

    def dead(self, subscriber: str) -> str:
        """The topic of messages that this subscriber cannot read."""
        return f"{self.namespace}.{subscriber}.dead"

    def heard_by(self, member: Member) -> list[str]:
        """The topics that the subscriber's group consumes."""
        return [*(self.facts(source) for source in sorted(member.hears)), self.replays(member.name)]

    def topics_of(self, members: Iterable[Member]) -> list[str]:
        """Everything that these need, as publishers and as subscribers."""
        wanted: dict[str, None] = {}
        for member in members:
            wanted[self.facts(member.name)] = None
            if member.handlers:
                wanted |= dict.fromkeys([*self.heard_by(member), self.dead(member.name)])
        return list(wanted)


def client(**more: Any) -> dict[str, Any]:
    """What every client of the broker is configured with."""
    return {
        "bootstrap.servers": settings.EVENT_BUS["KAFKA_SERVERS"],
        "client.id": "nexus",
        "socket.connection.setup.timeout.ms": 4000,
        "socket.timeout.ms": 10_000,
        "reconnect.backoff.ms": 200,
        "reconnect.backoff.max.ms": 5000,
        # A topic that appears or is recreated is noticed within seconds, not five minutes.
        "topic.metadata.refresh.interval.ms": 10_000,
        # librdkafka itself would write ten lines a second while no broker answers.
        "log_level": 0,
        "error_cb": _Complaints(),
    } | more


class _Complaints:
    """What goes wrong in the background, without a line for each attempt to reconnect."""

    def __init__(self) -> None:
        self._why = ""

    def __call__(self, error: KafkaError) -> None:
        if error.code() in (KafkaError._TRANSPORT, KafkaError._RESOLVE):
            self._why = error.str()
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            log.warning("no broker answers at %s: %s", settings.EVENT_BUS["KAFKA_SERVERS"], self._why)
        else:
            log.warning("%s", error.str())


def partitions_of_topics(asked: Any) -> dict[str, int]:
    """
    How many partitions each topic has, as any client is told; asking makes no topic.

    :raises BrokerAway: nobody answers in time
    """
    try:
        found = asked.list_topics(timeout=ANSWER_WITHIN)
    except KafkaException as failure:
        servers = settings.EVENT_BUS["KAFKA_SERVERS"]
        raise BrokerAway(f"no Kafka broker answers at {servers}: {failure.args[0].str()}") from None
    return {name: len(topic.partitions) for name, topic in found.topics.items()}


def create_missing(admin: AdminClient, wanted: Iterable[str]) -> list[str]:
    """
    Create those of the wanted topics that are not there; returns them.

    Replication is the broker's default. Nothing expires by itself: a subscriber that is away for long would be passed
    over in silence.
    """
    there = partitions_of_topics(admin)
    missing = [name for name in wanted if name not in there]
    config = {"retention.ms": "-1", "max.message.bytes": str(LARGEST_MESSAGE)}
    topics = [NewTopic(name, num_partitions=PARTITIONS, config=config) for name in missing]
    for creation in admin.create_topics(topics, request_timeout=ANSWER_WITHIN).values() if topics else ():
        done(creation, unless=KafkaError.TOPIC_ALREADY_EXISTS)
    return missing


def done(future: Future[Any], *, unless: int | None = None) -> None:
    """
    Wait until an operation is done; the error code `unless` means that somebody else has done it.

    :raises KafkaException: it failed
    """
    try:
        future.result(ANSWER_WITHIN)
    except KafkaException as failure:
        if failure.args[0].code() != unless:
            raise
