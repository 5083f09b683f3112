"""
One consumer of a subscriber's group: delivers what it reads, then commits how far it has read.

Nothing is read ahead of what is committed: each batch is delivered and its offsets committed, synchronously, before the
next poll. So whenever a partition is taken away (which happens in a poll) there is nothing left to finish, and whoever
gets it begins at the first message without an effect, or at one whose effect the inbox knows.
"""

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from django.conf import settings

from nexus.eventbus.backends.kafka.publisher import Outgoing, Publisher
from nexus.eventbus.backends.kafka.topology import Topology, client, log
from nexus.eventbus.backends.kafka.workplace import DEATHS_ALLOWED, Casualties, Place, Workplace
from nexus.eventbus.delivery import TryLater, deliver
from nexus.eventbus.postgresql.base import close_broken_connections
from nexus.eventbus.registry import Member
from nexus.eventbus.wire import Record, Undecodable, decode, encode

BATCH = 500
POLL = 1.0
SESSION = 6.0
"""Seconds of silence after which a dead consumer's partitions go to others; librdkafka's own thread sends the signs of
life, so a handler may take longer."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
NOT_OURS_ANY_MORE = {KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID}


class Subscription:
    """Works for the subscriber until told to stop; used by one thread."""

    def __init__(self, member: Member, workplace: Workplace) -> None:
        self._member, self._workplace = member, workplace
        self._topology = topology = Topology(settings.EVENT_BUS["NAMESPACE"])
        self._publish = Publisher(lambda _: topology.dead(member.name))
        self._failures = 0

    def run(self, stop: threading.Event) -> None:
        """
        Deliver until told to stop; what is in hand then is finished.

        Whatever breaks, a new consumer joins after a pause: nothing was committed that had no effect.
        """
        while not stop.is_set():
            try:
                with self._joined() as consumer:
                    while not stop.is_set():
                        self._step(consumer, stop)
            except Exception as failure:  # noqa: BLE001  whatever broke, the cure is the same: begin anew
                self._pause(stop, f"{type(failure).__name__}: {failure}")

    @contextmanager
    def _joined(self) -> Iterator[Consumer]:
        consumer = Consumer(
            client(
                **{
                    "group.id": self._topology.group(self._member.name),
                    "enable.auto.commit": False,
                    # A subscriber that is new, or whose position is gone, hears everything there is.
                    "auto.offset.reset": "earliest",
                    # Who joins or leaves costs the others only the partitions that move.
                    "partition.assignment.strategy": "cooperative-sticky",
                    "session.timeout.ms": int(SESSION * 1000),
                    "heartbeat.interval.ms": int(SESSION * 1000 / 3),
                    # Not every broker answers at once when something comes.
                    "fetch.wait.max.ms": 100,
                }
            )
        )
        with closing(consumer):
            consumer.subscribe(self._topology.heard_by(self._member))
            yield consumer

    def _step(self, consumer: Consumer, stop: threading.Event) -> None:
        first = consumer.poll(POLL)
        if first is None:
            return
        # `consume` alone would wait until the batch is full or the time is up.
        found = [first, *consumer.consume(BATCH - 1, timeout=0)]
        messages = [message for message in found if not self._complains(message)]
        if self._workplace.casualties.includes(messages):
            batches = [[message] for message in messages]
        else:
            batches = [messages] if messages else []
        for done, batch in enumerate(batches):
            try:
                self._deliver(batch)
            except TryLater as away:
                _rewind(consumer, [message for rest in batches[done:] for message in rest])
                self._pause(stop, str(away))
                return
            _commit(consumer, batch)
            self._failures = 0

    def _complains(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return False
        if error.fatal():
            raise KafkaException(error)
        log.warning("%s: %s", self._member.name, error.str())
        return True

    def _deliver(self, messages: Sequence[Message]) -> None:
        records, unreadable = [], []
        with self._workplace.busy_with(messages):
            for message in messages:
                try:
                    records.append(_read(message, self._workplace.casualties))
                except Undecodable as why:
                    unreadable.append((message, str(why)))
            close_broken_connections()
            # A topic holds all that its source tells, also what does not concern this subscriber.
            if heard := [record for record in records if self._member.takes(record.type)]:
                deliver(member=self._member, message=encode(heard))
            if unreadable:
                self._set_aside(unreadable)

    def _set_aside(self, unreadable: Sequence[tuple[Message, str]]) -> None:
        for message, why in unreadable:
            log.error("%s: set aside %s: %s", self._member.name, Place.of(message), why)
        dead = self._topology.dead(self._member.name)
        self._publish.send([_dead(message, topic=dead, why=why) for message, why in unreadable])

    def _pause(self, stop: threading.Event, why: str) -> None:
        """Never so long that the group would take us for dead: each try polls again."""
        self._failures += 1
        pause = random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures, 20)))
        log.warning("%s: %s; again in %.1f s", self._member.name, why, pause)
        stop.wait(pause)


def _read(message: Message, casualties: Casualties) -> Record:
    if casualties.proves(message):
        raise Undecodable(f"{DEATHS_ALLOWED} workers died of it")
    found = decode(b"[%b]" % (message.value() or b""))
    if len(found) != 1:
        raise Undecodable(f"{len(found)} events in one message")
    return found[0]


def _dead(message: Message, *, topic: str, why: str) -> Outgoing:
    """The message as it came, with the reason and where it stood."""
    place = Place.of(message)
    reasons = {"nexus-reason": why, "nexus-topic": place.topic}
    reasons |= {"nexus-partition": str(place.partition), "nexus-offset": str(place.offset)}
    headers = [*(message.headers() or []), *reasons.items()]
    return Outgoing(topic=topic, key=message.key(), value=message.value(), headers=headers)


def _commit(consumer: Consumer, messages: Sequence[Message]) -> None:
    following = {(place.topic, place.partition): place.offset + 1 for place in map(Place.of, messages)}
    offsets = [TopicPartition(topic, partition, offset) for (topic, partition), offset in following.items()]
    try:
        consumer.commit(offsets=offsets, asynchronous=False)
    except KafkaException as failure:
        if failure.args[0].code() not in NOT_OURS_ANY_MORE:
            raise
        # The effects are there. Whoever has the partitions now is told so by the inbox.
        log.info("not committed, the group is being rearranged: %s", failure.args[0].str())


def _rewind(consumer: Consumer, messages: Sequence[Message]) -> None:
    first: dict[tuple[str, int], int] = {}
    for place in map(Place.of, messages):
        first.setdefault((place.topic, place.partition), place.offset)
    for (topic, partition), offset in first.items():
        consumer.seek(TopicPartition(topic, partition, offset))
