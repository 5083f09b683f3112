"""Over a real RabbitMQ: what is not certain to have arrived is not published, and no message blocks a queue."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from celery.exceptions import Reject
from django.conf import settings
from django.db import OperationalError
from kombu import Connection

from nexus.contracts.base import EVENTS
from nexus.eventbus.backends import BrokerAway, Depth, celery
from nexus.eventbus.backends.celery import delivering, publisher
from nexus.eventbus.backends.celery.publisher import Publisher, PublishFailed
from nexus.eventbus.registry import Member
from nexus.eventbus.wire import decode, record_of
from tests.eventbus.conftest import DATABASES, Witness, broken, lit
from tests.eventually import eventually
from tests.rabbitmq import PrivateRabbitMQ, private_rabbitmq

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


def waiting(channel: Any, queue: str = "toys") -> list[Any]:
    """What waits in the queue, taken out."""
    messages = []
    while message := channel.basic_get(f"{settings.EVENT_BUS['NAMESPACE']}.{queue}", no_ack=True):
        messages.append(message)
    return messages


class TestPublisher:
    def test_sends_a_batch_as_one_celery_message(self, channel: Any) -> None:
        told = [record_of(lit()) for _ in range(30)]

        Publisher()(told)

        [message] = waiting(channel)
        assert message.headers["task"] == "nexus.deliver"
        assert message.properties["delivery_mode"] == 2
        assert len(decode(arguments_of(message)[0])) == 30

    def test_sends_what_is_of_one_type_as_one_message(self, channel: Any) -> None:
        Publisher()([record_of(each) for each in (lit(), broken(), lit())])

        sent = [
            (message.delivery_info["routing_key"], len(decode(arguments_of(message)[0])))
            for message in waiting(channel)
        ]
        assert sent == [("toys.lamp-lit.v1", 2), ("toys.lamp-broken.v1", 1)]

    def test_refuses_to_call_a_message_published_that_no_queue_is_bound_for(self, channel: Any) -> None:
        namespace = settings.EVENT_BUS["NAMESPACE"]
        channel.queue_unbind(f"{namespace}.toys", f"{namespace}.events", "toys.lamp-lit.v1")

        with pytest.raises(PublishFailed, match=r"no queue is bound for toys\.lamp-lit\.v1"):
            Publisher()([record_of(lit())])

    def test_lets_an_event_go_that_nobody_is_expected_to_hear(
        self, channel: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        namespace = settings.EVENT_BUS["NAMESPACE"]
        channel.queue_unbind(f"{namespace}.toys", f"{namespace}.events", "toys.lamp-lit.v1")
        monkeypatch.setattr(EVENTS["toys.lamp-lit.v1"], "expects_listeners", False)

        Publisher()([record_of(lit())])

        assert waiting(channel) == []

    def test_begins_with_a_fresh_connection_after_a_failure(self, channel: Any) -> None:
        namespace = settings.EVENT_BUS["NAMESPACE"]
        publish = Publisher()
        channel.queue_unbind(f"{namespace}.toys", f"{namespace}.events", "toys.lamp-lit.v1")
        with pytest.raises(PublishFailed):
            publish([record_of(lit())])
        channel.queue_bind(f"{namespace}.toys", f"{namespace}.events", "toys.lamp-lit.v1")

        publish([record_of(lit())])

        assert len(waiting(channel)) == 1

    def test_gives_up_in_time_when_nothing_is_confirmed(self, channel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(publisher, "CONFIRM_WITHIN", 0.0)

        with pytest.raises(PublishFailed, match="not confirmed in time"):
            Publisher()([record_of(lit())])


class TestDeliveringTask:
    def test_applies_what_a_message_carries(self, channel: Any, witness: Witness) -> None:
        told = lit()
        Publisher()([record_of(told)])
        [message] = waiting(channel)

        delivering.deliver_message(arguments_of(message)[0])

        assert witness.seen == [told.id]

    def test_sets_aside_what_is_no_list_of_events(self, channel: Any) -> None:
        with pytest.raises(Reject) as refusal:
            delivering.deliver_message("junk")

        assert refusal.value.requeue is False

    def test_is_patient_while_a_store_is_away(self, channel: Any, witness: Witness) -> None:
        failures = iter([OperationalError("away"), OperationalError("still away"), None])
        witness.failure = lambda _: next(failures)
        told = lit()
        Publisher()([record_of(told)])
        [message] = waiting(channel)

        delivering.deliver_message(arguments_of(message)[0])

        assert witness.seen == [told.id]

    def test_gives_the_message_back_when_patience_ends(
        self, channel: Any, witness: Witness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivering, "PATIENCE", 0.0)
        witness.failure = lambda _: OperationalError("away")
        Publisher()([record_of(lit())])
        [message] = waiting(channel)

        with pytest.raises(Reject) as refusal:
            delivering.deliver_message(arguments_of(message)[0])

        assert refusal.value.requeue is True


@pytest.fixture(scope="module")
def managed() -> Iterator[PrivateRabbitMQ]:
    """A node that can be asked what stands there."""
    with private_rabbitmq(management=True) as node:
        yield node


class TestTopology:
    """`bus sync`, `bus status` and `bus dead` as RabbitMQ does them."""

    def test_is_declared_where_it_is_missing(self, channel: Any) -> None:
        namespace = settings.EVENT_BUS["NAMESPACE"]
        channel.queue_delete(f"{namespace}.toys")

        celery.sync(prune=False)

        Publisher()([record_of(lit())])
        assert celery.depths() == {"toys": Depth(waiting=1, set_aside=0)}

    def test_loses_what_is_told_but_not_heard_when_pruned(self, channel: Any, member: Member) -> None:
        del member.handlers["toys.lamp-broken.v1"]

        celery.sync(prune=False)
        Publisher()([record_of(broken())])
        lines = celery.sync(prune=True)

        with pytest.raises(PublishFailed, match="no queue is bound"):
            Publisher()([record_of(broken())])
        assert len(waiting(channel)) == 1
        assert "cannot be listed" in lines[0]

    def test_is_compared_with_what_the_broker_lists(
        self, managed: PrivateRabbitMQ, member: Member, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there = {"BROKER_URL": managed.url, "MANAGEMENT_URL": managed.management_url, "NAMESPACE": "n"}
        monkeypatch.setattr(settings, "EVENT_BUS", settings.EVENT_BUS | there)
        eventually(lambda: celery.sync(prune=False) == [], within=60)
        with Connection(managed.url) as connection:
            connection.default_channel.queue_bind("n.toys", "n.events", "toys.gone.v1")

        found = eventually(lambda: celery.sync(prune=False), within=60)
        pruned = celery.sync(prune=True)

        assert found == ["n.toys is bound to toys.gone.v1, which nobody there hears"]
        assert pruned == ["n.toys was bound to toys.gone.v1, which nobody there hears"]
        eventually(lambda: celery.sync(prune=False) == [], within=60)

    def test_says_when_nobody_can_be_asked(self, channel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        nobody = {"BROKER_URL": "amqp://guest:guest@127.0.0.1:1//"}
        monkeypatch.setattr(settings, "EVENT_BUS", settings.EVENT_BUS | nobody)

        with pytest.raises(BrokerAway):
            celery.depths()

    def test_sends_past_events_to_one_subscriber_alone(self, channel: Any) -> None:
        told = record_of(lit())

        celery.send_to("toys", [told])

        [message] = waiting(channel)
        assert decode(arguments_of(message)[0]) == [told]
        with pytest.raises(PublishFailed):
            celery.send_to("nobody", [told])

    def test_gives_back_what_was_set_aside(self, channel: Any) -> None:
        Publisher()([record_of(lit())])
        taken = channel.basic_get(f"{settings.EVENT_BUS['NAMESPACE']}.toys")
        channel.basic_reject(taken.delivery_tag, requeue=False)
        eventually(lambda: celery.depths() == {"toys": Depth(waiting=0, set_aside=1)})

        assert celery.take_back("toys") == 1

        eventually(lambda: celery.depths() == {"toys": Depth(waiting=1, set_aside=0)})
        [message] = waiting(channel)
        assert arguments_of(message) == arguments_of(taken)


def arguments_of(message: Any) -> list[str]:
    """The positional arguments of the task that a message carries."""
    arguments: list[str] = json.loads(message.body)[0]
    return arguments
