"""
Who gets what, in RabbitMQ's terms: one topic exchange for all facts, and for each subscriber a quorum queue bound to
the types it hears, with a queue of its own for what RabbitMQ gives up on.
"""

from dataclasses import dataclass
from typing import Any

from kombu import Exchange, Queue, binding

from nexus.eventbus.registry import Member

DELIVERY_LIMIT = 20
"""Deliveries of one message before RabbitMQ sets it aside: a message that kills each worker must not do so for ever."""


@dataclass(frozen=True)
class Topology:
    """Names and arguments under one namespace, so that several systems can share a broker."""

    namespace: str

    @property
    def events(self) -> Exchange:
        return Exchange(f"{self.namespace}.events", type="topic", durable=True)

    @property
    def dead(self) -> Exchange:
        return Exchange(f"{self.namespace}.dead", type="direct", durable=True)

    def queue_name(self, subscriber: str) -> str:
        return f"{self.namespace}.{subscriber}"

    def queue(self, member: Member) -> Queue:
        """The subscriber's queue with its bindings."""
        return Queue(
            self.queue_name(member.name),
            exchange=self.events,
            bindings=[binding(self.events, routing_key=kind) for kind in sorted(member.handlers)],
            durable=True,
            queue_arguments={
                "x-queue-type": "quorum",
                "x-delivery-limit": DELIVERY_LIMIT,
                "x-overflow": "reject-publish",
                "x-dead-letter-exchange": self.dead.name,
                "x-dead-letter-routing-key": member.name,
                "x-dead-letter-strategy": "at-least-once",
            },
        )

    def dead_queue(self, subscriber: str) -> Queue:
        """Where RabbitMQ puts what it gives up on."""
        return Queue(
            f"{self.queue_name(subscriber)}.dead",
            exchange=self.dead,
            routing_key=subscriber,
            durable=True,
            queue_arguments={"x-queue-type": "quorum"},
        )

    def declare(self, channel: Any, member: Member) -> None:
        """Declare everything the subscriber needs; again does nothing."""
        self.events.bind(channel).declare()
        self.dead.bind(channel).declare()
        self.dead_queue(member.name).bind(channel).declare()
        self.queue(member).bind(channel).declare()
