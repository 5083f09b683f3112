"""What is not certain to have arrived is not published."""

import json
import os
import signal
from typing import Any

import msgspec
import pytest
from django.conf import settings

from nexus.contracts.base import uuid7
from nexus.eventbus.backends import BrokerAway
from nexus.eventbus.backends.kafka import publisher, topology
from nexus.eventbus.backends.kafka.publisher import PublishFailed
from nexus.eventbus.wire import record_of
from tests.eventbus.conftest import lit
from tests.eventbus.kafka.toys import messages_in, to
from tests.kafka import PrivateKafka


class TestPublisher:
    def test_sends_each_event_under_its_subject_as_a_cloud_event(self, namespace: str) -> None:
        told = record_of(lit())

        to(f"{namespace}.toys")([told])

        [message] = messages_in(f"{namespace}.toys", count=1)
        assert message.key().decode() == told.subject
        assert json.loads(message.value())["id"] == str(told.id)
        headers = dict(message.headers())
        assert headers["content-type"] == b"application/cloudevents+json; charset=UTF-8"
        assert (headers["ce_id"], headers["ce_type"]) == (str(told.id).encode(), b"toys.lamp-lit.v1")

    def test_keeps_what_is_about_one_aggregate_in_one_partition_and_in_order(self, namespace: str) -> None:
        lamps = [uuid7() for _ in range(100)]
        told = [record_of(lit(lamp, sequence=n)) for n in range(3) for lamp in lamps]

        to(f"{namespace}.toys")(told)

        messages = messages_in(f"{namespace}.toys", count=300)
        for lamp in lamps:
            of_lamp = [message for message in messages if message.key().decode() == str(lamp)]
            assert len({message.partition() for message in of_lamp}) == 1
            assert [json.loads(message.value())["sequence"] for message in of_lamp] == [0, 1, 2]
        assert len({message.partition() for message in messages}) == topology.PARTITIONS

    def test_refuses_to_publish_to_a_topic_that_is_not_there_and_makes_none(self, namespace: str) -> None:
        with pytest.raises(PublishFailed, match=r"there is no topic .*\.nowhere: run manage\.py prepare"):
            to(f"{namespace}.nowhere")([record_of(lit())])

        assert f"{namespace}.nowhere" not in kafka_topics()

    def test_begins_with_a_fresh_producer_after_a_failure(self, namespace: str) -> None:
        publish = to(f"{namespace}.late")
        with pytest.raises(PublishFailed):
            publish([record_of(lit())])
        topology.create_missing(topology.AdminClient(topology.client()), [f"{namespace}.late"])

        publish([record_of(lit())])

        assert messages_in(f"{namespace}.late", count=1)

    def test_gives_up_in_time_when_nothing_is_confirmed(
        self, namespace: str, broker: PrivateKafka, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publish = to(f"{namespace}.toys")
        publish([record_of(lit())])
        monkeypatch.setattr(publisher, "CONFIRM_WITHIN", 0.5)
        assert broker.process

        broker.process.send_signal(signal.SIGSTOP)
        # A thread on the other processor may go on for a moment, and confirm.
        os.waitpid(broker.process.pid, os.WUNTRACED)
        try:
            with pytest.raises(PublishFailed, match="2 of 2 messages"):
                publish([record_of(lit()), record_of(lit())])
        finally:
            broker.process.send_signal(signal.SIGCONT)

    def test_says_where_nobody_answers(self, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(topology, "ANSWER_WITHIN", 0.5)
        monkeypatch.setattr(settings, "EVENT_BUS", settings.EVENT_BUS | {"KAFKA_SERVERS": "127.0.0.1:1"})

        with pytest.raises(BrokerAway, match=r"no Kafka broker answers at 127\.0\.0\.1:1"):
            to(f"{namespace}.toys")([record_of(lit())])

    def test_refuses_what_is_too_large_instead_of_trying_for_ever(self, namespace: str) -> None:
        large = replace_data(record_of(lit()), b'"' + b"n" * topology.LARGEST_MESSAGE + b'"')

        with pytest.raises(PublishFailed, match="Message size too large"):
            to(f"{namespace}.toys")([large])


def kafka_topics() -> dict[str, int]:
    return topology.partitions_of_topics(topology.AdminClient(topology.client()))


def replace_data(record: Any, data: bytes) -> Any:
    record.data = msgspec.Raw(data)
    return record
