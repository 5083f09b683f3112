"""
The bus over RabbitMQ: relays publish batches with confirms, each subscriber's Celery workers deliver them.

The settings are those that lost nothing when broker, relay, workers and their children were killed at random; each of
the others that were tried lost events (ADR 0004).
"""

from django.conf import settings
from kombu import Connection

from nexus.eventbus.backends.celery.publisher import Publisher
from nexus.eventbus.backends.celery.topology import Topology
from nexus.eventbus.registry import members
from nexus.eventbus.relay import Relay

CARRIED_BY_WEB = False
"""`manage.py relay` and `manage.py worker` are processes of their own: a broker that is away holds up no request."""

__all__ = ["CARRIED_BY_WEB", "prepare", "relays"]


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


def prepare() -> None:
    """Declare exchange, queues and bindings of the subscribers that this process knows."""
    topology = Topology(settings.EVENT_BUS["NAMESPACE"])
    with Connection(settings.EVENT_BUS["BROKER_URL"], connect_timeout=5) as connection:
        for member in members.values():
            if member.handlers:
                topology.declare(connection.default_channel, member)
