"""
The bus over RabbitMQ: relays publish batches with confirms, each subscriber's Celery workers deliver them.

The settings are those that lost nothing when broker, relay, workers and their children were killed at random; each of
the others that were tried lost events (ADR 0004).
"""

import os
import sys
from collections.abc import Sequence
from contextlib import closing

from django.conf import settings

from nexus.eventbus.backends.celery.administration import depths, prepare, sync, take_back
from nexus.eventbus.backends.celery.publisher import Publisher
from nexus.eventbus.backends.celery.topology import Topology
from nexus.eventbus.crossing import crosses, meant_for
from nexus.eventbus.registry import members
from nexus.eventbus.relay import Relay
from nexus.eventbus.wire import Record

CARRIED_BY_WEB = False
"""`manage.py relay` and `manage.py worker` are processes of their own: a broker that is away holds up no request."""

__all__ = ["CARRIED_BY_WEB", "depths", "links", "prepare", "relays", "send_to", "sync", "take_back", "work"]


def relays() -> list[Relay]:
    """One for each log that this process has."""
    return [
        Relay(
            store=member.store,
            consumer=f"{member.name} > rabbitmq {settings.EVENT_BUS['NAMESPACE']}",
            publish=Publisher(),
        )
        for member in members.values()
    ]


def links() -> list[Relay]:
    """For each other region: what this one tells it goes to that region's RabbitMQ, with a position of its own."""
    return [
        Relay(
            store=member.store,
            consumer=f"{member.name} > link {region} {settings.EVENT_BUS['NAMESPACE']}",
            publish=Publisher(address=address),
            only=meant_for(region),
            counted_as=f"{member.name} to {region}",
        )
        for region, address in settings.REGION_LINKS.items()
        for member in members.values()
        if crosses(member.name)
    ]


def send_to(subscriber: str, records: Sequence[Record]) -> None:
    """
    Hand records to one subscriber once more, wherever it lives, and return when the broker has them.

    :raises PublishFailed: not everything was confirmed, or there is no such queue
    """
    with closing(Publisher(queue=Topology(settings.EVENT_BUS["NAMESPACE"]).queue_name(subscriber))) as publish:
        publish(records)


def work(subscriber: str, *, concurrency: int) -> None:
    """Become the Celery worker of this subscriber; does not return."""
    queue = Topology(settings.EVENT_BUS["NAMESPACE"]).queue_name(subscriber)
    words = ["-m", "celery", "--quiet", "-A", "nexus.celery", "worker", "-Q", queue, "-n", f"{subscriber}@%h"]
    words += ["--concurrency", str(concurrency), "--loglevel", "WARNING"]
    os.execve(sys.executable, [sys.executable, *words], os.environ | {"NEXUS_SUBSCRIBER": subscriber})  # noqa: S606
