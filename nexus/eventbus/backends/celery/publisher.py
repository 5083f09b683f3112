"""
Publishes records as Celery messages and returns when the broker has taken responsibility for each.

Confirms are pipelined: a synchronous confirm per message costs a round trip each. `mandatory` matters as much, because
RabbitMQ confirms a message that no queue is bound for, and drops it. After any doubt the connection is thrown away:
py-amqp does not match a late confirm to its message.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

from amqp import Message
from django.conf import settings
from kombu import Connection

from nexus.contracts.base import EVENTS
from nexus.eventbus.backends.celery.connecting import connect
from nexus.eventbus.backends.celery.topology import Topology
from nexus.eventbus.wire import Record, encode, runs

TASK = "nexus.deliver"
LARGEST_BATCH = 500
CONNECT_WITHIN = 4.0
CONFIRM_WITHIN = 10.0
SOCKET_TIMEOUT = 10.0


class PublishFailed(Exception):
    """The broker refused, returned or did not confirm a message; nothing may be taken as published."""


class Publisher:
    """
    Used by one relay thread; connects when first called and anew after any failure.

    Sends to all who are bound for an event, or to one queue alone when that is named; at our own broker, or at that of
    another region, where nothing is ours to declare.
    """

    def __init__(self, *, queue: str = "", address: str = "") -> None:
        self._topology = Topology(settings.EVENT_BUS["NAMESPACE"])
        self._queue, self._address = queue, address
        self._connection: Connection | None = None
        self._channel: Any = None
        self._unconfirmed: set[int] = set()
        self._refused: list[str] = []
        self._tag = 0

    def __call__(self, records: Sequence[Record]) -> None:
        """
        Publish in order, a message for each run of one type.

        :raises PublishFailed: not everything was confirmed
        """
        try:
            self._connect()
            for kind, run in runs(records, longest=LARGEST_BATCH):
                self._send(kind, run)
            self._await_confirms()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the connection with whatever state it is in."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            connection.collect(socket_timeout=0.1)

    def _connect(self) -> None:
        if self._connection is not None:
            return
        self._connection = connect(within=CONNECT_WITHIN, silence=SOCKET_TIMEOUT, elsewhere=self._address)
        self._channel = channel = self._connection.channel()
        self._unconfirmed, self._refused, self._tag = set(), [], 0
        if not self._address:
            self._topology.events.bind(channel).declare()
        channel.confirm_select()
        channel.events["basic_ack"].add(self._confirmed)
        channel.events["basic_nack"].add(lambda tag, _: self._refused.append(f"refused message {tag}"))
        channel.events["basic_return"].add(self._returned)

    def _send(self, kind: str, run: Sequence[Record]) -> None:
        self._tag += 1
        self._unconfirmed.add(self._tag)
        self._channel.basic_publish(
            celery_message(run),
            exchange="" if self._queue else self._topology.events.name,
            routing_key=self._queue or kind,
            mandatory=bool(self._queue) or kind not in EVENTS or EVENTS[kind].expects_listeners,
        )

    def _await_confirms(self) -> None:
        assert self._connection is not None
        deadline = time.monotonic() + CONFIRM_WITHIN
        while self._unconfirmed and not self._refused:
            left = deadline - time.monotonic()
            if left <= 0:
                raise PublishFailed(f"{len(self._unconfirmed)} messages were not confirmed in time")
            self._connection.drain_events(timeout=left)
        if self._refused:
            raise PublishFailed("; ".join(self._refused[:3]))

    def _confirmed(self, tag: int, multiple: bool) -> None:
        if multiple:
            self._unconfirmed = {each for each in self._unconfirmed if each > tag}
        else:
            self._unconfirmed.discard(tag)

    def _returned(self, reason: Any, exchange: str, routing_key: str, message: Any) -> None:
        self._refused.append(f"no queue is bound for {routing_key}: {reason}")


def celery_message(run: Sequence[Record]) -> Message:
    """
    A batch as one Celery task message, protocol 2 (https://docs.celeryq.dev/en/stable/internals/protocol.html).

    The events are one string argument, so that kombu does not walk them.
    """
    identity = str(run[0].id)
    headers = {
        "lang": "py",
        "task": TASK,
        "id": identity,
        "root_id": identity,
        "parent_id": None,
        "group": None,
        "argsrepr": f"{len(run)} × {run[0].type}",
        "kwargsrepr": "{}",
        "origin": "relay",
        "ignore_result": True,
        "retries": 0,
        "eta": None,
        "expires": None,
        "timelimit": [None, None],
    }
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    return Message(
        json.dumps([[encode(run).decode()], {}, embed]),
        delivery_mode=2,
        content_type="application/json",
        content_encoding="utf-8",
        correlation_id=identity,
        application_headers=headers,
    )
