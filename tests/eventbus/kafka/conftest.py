"""A broker that speaks Kafka's protocol, with the toys' topics under a namespace of each test's own."""

import secrets
from collections.abc import Iterator

import pytest
from django.conf import settings

from nexus.eventbus.backends import kafka
from nexus.eventbus.backends.kafka import consumer
from nexus.eventbus.registry import Member
from tests.kafka import PrivateKafka, private_kafka


@pytest.fixture(scope="module")
def broker() -> Iterator[PrivateKafka]:
    with private_kafka() as broker:
        yield broker


@pytest.fixture
def namespace(broker: PrivateKafka, member: Member, monkeypatch: pytest.MonkeyPatch) -> str:
    """A namespace of this test's own, where the toys' topics are."""
    namespace = f"test-{secrets.token_hex(4)}"
    bus = settings.EVENT_BUS | {"KAFKA_SERVERS": broker.servers, "NAMESPACE": namespace}
    monkeypatch.setattr(settings, "EVENT_BUS", bus)
    # This broker makes the first member of a group wait for half of it.
    monkeypatch.setattr(consumer, "SESSION", 1.0)
    kafka.prepare()
    return namespace
