"""
Orders that wait together, written on the event loop where they are few and nothing has to be found out before.

A thread has to be given the work and the interpreter, and gives both back: for a few orders that takes as long as
writing them down. Many are the thread's, for they would keep all others from being heard.
"""

import asyncio
import re
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress
from itertools import count
from typing import cast

import psycopg
from django.conf import settings
from django.db import DatabaseError, OperationalError, connections

from nexus.contracts.errors import NexusError
from nexus.eventbus.postgresql.base import close_broken_connections
from nexus.eventbus.postgresql.connection import GRACE
from nexus.eventbus.postgresql.door import Door, doors
from nexus.eventbus.stores.postgres_line import Line
from nexus.eventbus.stores.postgres_rows import array_of
from nexus.orders.models import DATABASE
from nexus.orders.services.attempt import PLACE, Attempt
from nexus.orders.services.numbers import are_numbers_short, fetch_numbers, numbers_at_hand
from nexus.orders.services.place import place_waiting_orders
from nexus.orders.services.remembered import forget, recall
from nexus.orders.services.wanted import Outcome, Wanted, skus_of

FEW = 16
"""Orders; to understand and write down so many keeps the event loop for about a millisecond."""

_places = count(1)
line = Line(DATABASE, re.sub("%s", lambda _: f"${next(_places)}", PLACE))


async def place_together(wanted: Sequence[Wanted], *, thread: Executor) -> list[Outcome]:
    """
    Place orders whose keys nobody has looked up, as `place_orders` does, from the event loop.

    What is remembered of the offers is enough for most; the rest is done by the thread, one batch at a time.

    :raises DatabaseError: none was placed, or nobody can tell (`OperationalError`)
    """
    loop = asyncio.get_running_loop()
    attempt = _ready(wanted) if len(wanted) <= FEW else None
    if attempt is None:
        return await loop.run_in_executor(thread, place_waiting_orders, wanted)
    if are_numbers_short():
        loop.run_in_executor(thread, _fetch_numbers)
    outcomes = await _written(attempt)
    left = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, NexusError)]
    if left:
        forget(skus_of(again := [wanted[place] for place in left]))
        try:
            found = await loop.run_in_executor(thread, place_waiting_orders, again)
        except DatabaseError as failure:
            found = [failure] * len(left)
        for place, outcome in zip(left, found, strict=True):
            outcomes[place] = outcome
    return outcomes


def _ready(wanted: Sequence[Wanted]) -> Attempt | None:
    """The orders, priced, if that and their numbers take no question to the database, and it can be asked to write."""
    if not _door().is_open or (offers := recall(skus_of(wanted))) is None:
        return None
    numbers = numbers_at_hand(len(wanted))
    return Attempt(wanted, offers, number=iter(numbers).__next__) if len(numbers) == len(wanted) else None


async def _written(attempt: Attempt) -> list[Outcome]:
    if not attempt:
        return attempt.outcomes
    try:
        with connections[DATABASE].wrap_database_errors:
            rows = await _asked(attempt)
    except TimeoutError as silence:
        _door().fell_silent()
        raise OperationalError("the database does not answer") from silence
    attempt.settle({str(identity, "ascii"): str(verdict, "ascii") for identity, verdict in rows})
    return attempt.outcomes


async def _asked(attempt: Attempt) -> list[tuple[bytes, ...]]:
    arrays = [array_of(each).encode() for each in attempt.parameters()]
    try:
        async with asyncio.timeout(settings.STATEMENT_SECONDS + GRACE):
            # No value of its rows is ever NULL.
            return cast(list[tuple[bytes, ...]], await line.ask(*arrays))
    except (psycopg.DataError, psycopg.IntegrityError):
        # One of them is to blame: each gets another chance by itself.
        if len(attempt) == 1:
            raise
        return []


def _fetch_numbers() -> None:
    close_broken_connections()
    # Whoever needs one will hear of it.
    with suppress(DatabaseError):
        fetch_numbers()


def _door() -> Door:
    return doors[connections[DATABASE].settings_dict["NAME"]]
