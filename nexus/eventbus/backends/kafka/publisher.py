"""
Publishes records and returns when the broker has taken responsibility for each.

One message is one event (CloudEvents 1.0, structured mode) under its subject as key, so that whatever happens to one
aggregate stays in one partition and in order. Batches are librdkafka's business on the way out and the consumer's on
the way in (ADR 0011). After any doubt the producer is thrown away with all it still holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from nexus.eventbus.backends.kafka.topology import LARGEST_MESSAGE, client, partitions_of_topics
from nexus.eventbus.wire import Record, encode

CONFIRM_WITHIN = 10.0
Headers = list[tuple[str, Any]]


class PublishFailed(Exception):
    """The broker refused or did not confirm a message; nothing may be taken as published."""


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message on its way to a topic."""

    topic: str
    key: bytes | str | None
    value: bytes | str | None
    headers: Headers


class Publisher:
    """
    Used by one thread; connects when first called and anew after any failure.

    :param topic_of: where a record belongs
    """

    def __init__(self, topic_of: Callable[[Record], str]) -> None:
        self._topic_of = topic_of
        self._producer: Producer | None = None
        self._topics: dict[str, int] = {}

    def __call__(self, records: Sequence[Record]) -> None:
        """
        Publish in order.

        :raises PublishFailed: not everything was confirmed
        :raises BrokerAway: nobody answers
        """
        self.send([message_of(record, topic=self._topic_of(record)) for record in records])

    def send(self, messages: Sequence[Outgoing]) -> None:
        """As for records."""
        try:
            self._send(messages)
        except KafkaException as failure:
            self.close()
            raise PublishFailed(failure.args[0].str()) from failure
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the producer, and with it whatever it would still have sent."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(1)

    def _send(self, messages: Sequence[Outgoing]) -> None:
        producer = self._connected()
        self._refuse_missing({message.topic for message in messages})
        confirmed, refused = 0, []

        def settled(error: KafkaError | None, _: Message) -> None:
            nonlocal confirmed
            if error:
                refused.append(error.str())
            else:
                confirmed += 1

        for each in messages:
            producer.produce(each.topic, each.value, each.key, on_delivery=settled, headers=each.headers)
        producer.flush(CONFIRM_WITHIN)
        if confirmed < len(messages):
            why = "; ".join(sorted(set(refused))[:3]) or "not confirmed in time"
            raise PublishFailed(f"{len(messages) - confirmed} of {len(messages)} messages: {why}")

    def _connected(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(
                client(
                    **{
                        "enable.idempotence": True,
                        "acks": "all",
                        "message.timeout.ms": int(CONFIRM_WITHIN * 1000) - 500,
                        "message.max.bytes": LARGEST_MESSAGE,
                        # As Java's clients do: whoever else writes under a subject finds the same partition.
                        "partitioner": "murmur2_random",
                    }
                )
            )
            self._topics = partitions_of_topics(self._producer)
        return self._producer

    def _refuse_missing(self, topics: set[str]) -> None:
        # Most brokers would make the topic now, with one partition and an end to how long they keep events.
        if missing := sorted(topics - self._topics.keys()):
            raise PublishFailed(f"there is no topic {', '.join(missing)}: run manage.py prepare")


def message_of(record: Record, *, topic: str) -> Outgoing:
    """The record as a CloudEvent in structured mode, with the attributes that tools filter by as headers too."""
    headers = {
        "content-type": "application/cloudevents+json; charset=UTF-8",
        "ce_specversion": record.specversion,
        "ce_id": str(record.id),
        "ce_type": record.type,
        "ce_source": record.source,
    }
    return Outgoing(topic=topic, key=record.subject, value=encode([record])[1:-1], headers=list(headers.items()))
