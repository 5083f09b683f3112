"""
The bus over Kafka: relays publish under each event's subject, each subscriber is a consumer group.

On librdkafka itself: kombu's Kafka transport commits what it has fetched instead of what was acknowledged, and calls a
message published that never left (ADR 0011).
"""

import os
import sys
from collections.abc import Sequence
from contextlib import closing

from django.conf import settings

from nexus.eventbus.backends.kafka.administration import depths, prepare, sync, take_back
from nexus.eventbus.backends.kafka.publisher import Publisher
from nexus.eventbus.backends.kafka.topology import Topology
from nexus.eventbus.backends.kafka.workers import Workers
from nexus.eventbus.registry import members
from nexus.eventbus.relay import Relay
from nexus.eventbus.wire import Record
from nexus.telemetry.processes import FOLDER, make_folder

CARRIED_BY_WEB = False
"""`manage.py relay` and `manage.py worker` are processes of their own: a broker that is away holds up no request."""

__all__ = ["CARRIED_BY_WEB", "depths", "prepare", "relays", "send_to", "sync", "take_back", "work"]


def relays() -> list[Relay]:
    """One for each log that this process has."""
    topology = Topology(settings.EVENT_BUS["NAMESPACE"])
    return [
        Relay(
            store=member.store,
            consumer=f"{member.name} > kafka {topology.namespace}",
            publish=Publisher(lambda record: topology.facts(record.source)),
        )
        for member in members.values()
    ]


def work(subscriber: str, *, concurrency: int) -> None:
    """Be so many workers of this subscriber until told to stop."""
    if FOLDER not in os.environ:
        # What counts looks for the common folder when it is imported, which it was before anybody knew the subscriber.
        folder = make_folder(role=f"worker-{subscriber}", owner=os.getpid())
        words = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, words, os.environ | {FOLDER: str(folder)})  # noqa: S606
    Workers(members[subscriber], size=concurrency).run()


def send_to(subscriber: str, records: Sequence[Record]) -> None:
    """
    Hand records to one subscriber once more, wherever it lives, and return when the broker has them.

    :raises PublishFailed: not everything was confirmed, or there is no such topic
    """
    topic = Topology(settings.EVENT_BUS["NAMESPACE"]).replays(subscriber)
    with closing(Publisher(lambda _: topic)) as publish:
        publish(records)
