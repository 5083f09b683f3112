"""The toys do as they are told; `effect` has a row for every time that an event took effect."""

import logging
import os
import threading
from collections.abc import Sequence

from django.db import connection

from nexus.contracts.base import Envelope
from nexus.eventbus.registry import Subscriptions, in_batches
from tests.eventbus.poison.events import ErrandGiven

log = logging.getLogger("nexus.toys")


@in_batches
def run_errands_when_they_are_given(told: Sequence[Envelope[ErrandGiven]]) -> None:
    for each in told:
        log.warning("told to %s: %s", each.data.does, each.id)
        if each.data.does == "crash":
            os._exit(1)
        if each.data.does == "hang":
            threading.Event().wait()
        if each.data.does == "fail":
            raise ValueError("this errand cannot be run")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO effect SELECT unnest(%s::uuid[])", [[each.id for each in told]])


SUBSCRIPTIONS: Subscriptions = {
    ErrandGiven: run_errands_when_they_are_given,
}
