"""What hearing a bell does: a row in the subscriber's database, that nothing but the inbox keeps from being doubled."""

import os
import signal
from collections.abc import Sequence
from functools import partial

from django.conf import settings
from django.db import OperationalError, connections, transaction

from nexus.contracts.base import Envelope
from nexus.eventbus.registry import Subscriptions, in_batches
from tests.eventbus.bells.facts import BellEvent, BellMuffled, BellRung

EFFECT = "INSERT INTO effect (event_id, subject, sequence) VALUES (%s, %s, %s)"


def subscriptions_of(subscriber: str) -> Subscriptions:
    return {
        BellRung: in_batches(partial(_hear_all, subscriber)),
        BellMuffled: partial(_hear, subscriber),
    }


def _hear_all(subscriber: str, told: Sequence[Envelope[BellEvent]]) -> None:
    for envelope in told:
        _hear(subscriber, envelope)


def _hear(subscriber: str, told: Envelope[BellEvent]) -> None:
    if (settings.VAR_DIR / f"{subscriber}-is-away").exists():
        raise OperationalError("away")
    if told.data.trick == f"{subscriber} cannot":
        raise ValueError("cannot hear this")
    with connections[subscriber].cursor() as cursor:
        cursor.execute(EFFECT, [told.id, told.subject, told.sequence])
    if told.data.trick == f"{subscriber} dies of it":
        _die()
    if told.data.trick == f"{subscriber} dies when it is done":
        transaction.on_commit(_die, using=subscriber)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
