"""
RabbitMQ made what the code says: declaring, finding bindings that are too much, looking into queues.

AMQP can declare and take away, but not list. What stands there is read from the management API where
``NEXUS_BROKER_MANAGEMENT_URL`` names one; without it, whatever is told today and not heard is simply unbound.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

from django.conf import settings
from kombu.exceptions import OperationalError

from nexus.contracts.base import EVENTS
from nexus.eventbus.backends import BrokerAway, Depth
from nexus.eventbus.backends.celery.connecting import addresses, connect
from nexus.eventbus.backends.celery.topology import Topology
from nexus.eventbus.registry import Member, members

TIMEOUT = 5


def prepare() -> None:
    """Declare exchange, queues and bindings of the subscribers that this process knows."""
    with _channel() as channel:
        for member in _subscribers():
            _topology().declare(channel, member)


def sync(*, prune: bool) -> list[str]:
    """
    Declare what is missing; find, and with `prune` take away, bindings that the code no longer asks for.

    :raises BrokerAway: it does not answer
    """
    prepare()
    lines = []
    for member in _subscribers():
        queue = _topology().queue_name(member.name)
        listed = _bound_keys(queue)
        stale = sorted((EVENTS.keys() if listed is None else listed) - member.handlers.keys())
        if prune:
            with _channel() as channel:
                for key in stale:
                    channel.queue_unbind(queue, exchange=_topology().events.name, routing_key=key)
        if listed is not None:
            lines += [f"{queue} {'was' if prune else 'is'} bound to {key}, which nobody there hears" for key in stale]
        elif prune:
            lines.append(f"{queue} is bound to nothing else that is told today; what was told once cannot be listed")
    return lines


def depths() -> dict[str, Depth]:
    """
    What waits in each subscriber's queue, and what RabbitMQ gave up on.

    :raises BrokerAway: it does not answer
    """
    with _channel() as channel:
        return {
            member.name: Depth(
                waiting=_count(channel, _topology().queue_name(member.name)),
                set_aside=_count(channel, _topology().dead_queue(member.name).name),
            )
            for member in _subscribers()
        }


def take_back(subscriber: str) -> int:
    """
    Put what RabbitMQ gave up on back into the subscriber's queue, each acknowledged only when it is there.

    :raises BrokerAway: it does not answer
    """
    count = 0
    with _channel() as channel:
        channel.confirm_select()
        dead, queue = _topology().dead_queue(subscriber).name, _topology().queue_name(subscriber)
        # No more than are there now: what fails again comes back here.
        for _ in range(_count(channel, dead)):
            message = channel.basic_get(dead)
            if message is None:
                break
            message.properties.get("application_headers", {}).pop("x-death", None)
            channel.basic_publish_confirm(
                message, exchange="", routing_key=queue, mandatory=True, confirm_timeout=TIMEOUT
            )
            channel.basic_ack(message.delivery_tag)
            count += 1
    return count


def _subscribers() -> list[Member]:
    return [member for member in members.values() if member.handlers]


def _topology() -> Topology:
    return Topology(settings.EVENT_BUS["NAMESPACE"])


@contextmanager
def _channel() -> Iterator[Any]:
    try:
        with connect(within=TIMEOUT, silence=TIMEOUT) as broker:
            # Not `default_channel`, which tries again and again.
            yield broker.channel()
    except (OperationalError, OSError) as why:
        raise BrokerAway(f"RabbitMQ does not answer: {why}") from why


def _count(channel: Any, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).message_count)


def _bound_keys(queue: str) -> set[str] | None:
    """The keys that a queue is bound to at our exchange; None where nobody can say."""
    if not (url := settings.EVENT_BUS["MANAGEMENT_URL"]):
        return None
    broker = urlsplit(addresses()[0])
    vhost = broker.path[1:] or "/"
    path = f"/api/bindings/{quote(vhost, safe='')}/e/{quote(_topology().events.name)}/q/{quote(queue)}"
    login = b64encode(f"{unquote(broker.username or '')}:{unquote(broker.password or '')}".encode()).decode()
    request = Request(url.rstrip("/") + path, headers={"Authorization": f"Basic {login}"})  # noqa: S310  the operator's own setting
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return {binding["routing_key"] for binding in json.load(answer)}
    except OSError as why:
        raise BrokerAway(f"RabbitMQ's management API does not answer: {why}") from why
