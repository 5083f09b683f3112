"""The task that hands a message's events to the one subscriber this worker process works for."""

import logging
import random
import time

from celery.exceptions import Reject
from django.conf import settings

from nexus.eventbus.delivery import TryLater, deliver
from nexus.eventbus.postgresql.base import close_broken_connections
from nexus.eventbus.registry import members
from nexus.eventbus.wire import Undecodable

log = logging.getLogger("nexus.eventbus.worker")

PATIENCE = 1200.0
"""Seconds; each giving back counts as a delivery, and RabbitMQ allows only so many (`topology.DELIVERY_LIMIT`)."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


def deliver_message(message: str) -> None:
    """
    Deliver, patiently while a store is away: the message is not at fault, so it is neither lost nor set aside.

    :raises Reject: back to the queue when patience ends; to the dead queue when it is no list of events
    """
    member = members[settings.EVENT_BUS["SUBSCRIBER"]]
    deadline, failures = time.monotonic() + PATIENCE, 0
    while True:
        close_broken_connections()
        try:
            deliver(member=member, message=message)
            return
        except Undecodable as why:
            log.error("%s: %s", member.name, why)
            raise Reject(why, requeue=False) from why
        except TryLater as away:
            failures += 1
            if time.monotonic() > deadline:
                raise Reject(away, requeue=True) from away
            pause = random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**failures))
            log.warning("%s: %s; again in %.1f s", member.name, away, pause)
            time.sleep(pause)
