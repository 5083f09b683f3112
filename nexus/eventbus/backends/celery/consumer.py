"""Celery's consumer without what a subscriber must not have, and with a door that lets nothing fall through."""

import logging
import random
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

from celery.worker.consumer import Consumer

from nexus.eventbus.backends.celery.publisher import TASK
from nexus.eventbus.wire import LARGEST_MESSAGE

log = logging.getLogger("nexus.eventbus.worker")

FAREWELL = 1
"""Seconds for each answer of the broker while a worker ends."""
ATTENTION = 0.5
"""Seconds between two looks whether it was told to end: a signal wakes no worker that waits for messages, and the next
heartbeat may be five seconds away."""
LONGEST_WAIT = 5.0
"""Seconds between two tries to reach a broker that is away, at most; the first is drawn, so that workers do not come
back in step."""
UNWANTED = ("delayed_delivery", "gossip", "mingle", "heart", "events")


class SubscriberConsumer(Consumer):
    """
    Leaves out native delayed delivery, which for quorum queues would declare 28 more queues and bind ours a second
    time with a wider key, so that removing a subscription would leave a binding behind. We never send with a delay.
    Leaves out news about itself too (not the heartbeats of its connection): nobody listens, and a worker that is told
    to end would wait for the broker to confirm its farewell.

    What no relay can have sent is rejected, and so goes to the dead queue. Celery alone would acknowledge, and thereby
    lose, a body that is no JSON or a message that has expired, and would stumble over other bodies.

    Looks for a broker that is away every few seconds, however long it has been away.
    """

    class Blueprint(Consumer.Blueprint):
        default_steps = [
            step for step in Consumer.Blueprint.default_steps if not any(name in step for name in UNWANTED)
        ]

    def ensure_connected(self, conn: Any) -> Any:
        # Left to itself Celery would wait for up to 30 seconds beside a broker that is back.
        first = random.uniform(0.2, 1.0)
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=first, interval_step=1, interval_max=LONGEST_WAIT - first
        )
        return super().ensure_connected(conn)

    def stop(self) -> None:
        """Take leave of the broker without waiting long for its answers: it takes back what was not acknowledged."""
        connection = self.connection and self.connection.connection
        if connection and connection.transport and connection.transport.sock:
            connection.transport.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", FAREWELL, 0))
        super().stop()

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], None]:
        receive = super().create_task_handler(*args, **options)
        # Celery takes what was timed here away when the connection is lost, and comes back here with the next.
        self.timer.call_repeatedly(ATTENTION, lambda: None)

        def receive_what_is_ours(message: Any) -> None:
            if fault := fault_of(message):
                log.error("to the dead queue: %s", fault)
                message.reject_log_error(log, self.connection_errors)
            else:
                receive(message)

        return receive_what_is_ours


def fault_of(message: Any) -> str:
    """Why no relay can have sent this message; empty when one may have. The body is decoded once and kept."""
    headers = message.headers or {}
    if message.content_type != "application/json":
        return f"content type {message.content_type!r}"
    if headers.get("task") != TASK or not isinstance(headers.get("id"), str):
        return f"task {headers.get('task')!r} with id {headers.get('id')!r}"
    if headers.get("eta") or headers.get("expires"):
        return "a message with a time to run or to expire"
    if len(message.body) > LARGEST_MESSAGE:
        return f"{len(message.body)} bytes, more than {LARGEST_MESSAGE}"
    try:
        body = message.payload
    except Exception as why:  # noqa: BLE001  whatever is wrong with it, it is none of ours
        return f"a body that cannot be decoded: {why}"
    match body:
        case [[str()], {}, {}]:
            return ""
    return "a body that is not one text for the task"
