"""
Orders that wait together, written on the event loop where they are few and nothing has to be found out before.

A thread has to be given the work and the interpreter, and gives both back: for a few orders that takes as long as
writing them down. Many are the thread's, for they would keep all others from being heard.
"""

import asyncio
import re
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import psycopg
from django.db import DataError, Error, IntegrityError
from django.db.utils import DatabaseErrorWrapper

from nexus.contracts.errors import NexusError
from nexus.eventbus.postgresql.base import close_broken_connections
from nexus.eventbus.stores.postgres_line import Line
from nexus.eventbus.stores.postgres_rows import array_of
from nexus.orders.models import DATABASE
from nexus.orders.services.attempt import PLACE, Attempt
from nexus.orders.services.numbers import are_numbers_short, fetch_numbers, numbers_at_hand
from nexus.orders.services.place import place_waiting_orders
from nexus.orders.services.remembered import forget, recall
from nexus.orders.services.wanted import Outcome, Wanted, skus_of

FEW, FEW_LINES = 16, 48
"""Orders, and lines on all of them: to write down so many keeps the event loop for about a millisecond."""

_places = count(1)
line = Line(DATABASE, re.sub("%s", lambda _: f"${next(_places)}", PLACE))
# As `connections[DATABASE].wrap_database_errors`, for which each task on an event loop would make itself a connection.
_djangos_words = DatabaseErrorWrapper(cast(Any, SimpleNamespace(Database=psycopg, errors_occurred=False)))
_fetching: Future[None] | None = None


async def place_together(wanted: Sequence[Wanted], *, thread: Executor) -> list[Outcome]:
    """
    Place orders whose keys nobody has looked up, as `place_orders` does, from the event loop.

    What is remembered of the offers is enough for most; the rest is done by the thread.

    :raises Error: the database cannot be asked; none was placed
    """
    loop = asyncio.get_running_loop()
    attempt = await _ready(wanted)
    if attempt is None:
        return await loop.run_in_executor(thread, place_waiting_orders, wanted)
    _keep_numbers(thread)
    outcomes = await _written(attempt)
    left = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, NexusError)]
    if left:
        forget(skus_of(again := [wanted[place] for place in left]))
        try:
            found = await loop.run_in_executor(thread, place_waiting_orders, again)
        except Error as failure:
            found = [failure] * len(left)
        for place, outcome in zip(left, found, strict=True):
            outcomes[place] = outcome
    return outcomes


async def _ready(wanted: Sequence[Wanted]) -> Attempt | None:
    """The orders, priced, if they are few, all is known that they need, and the database is there."""
    if len(wanted) > FEW or sum(len(order.lines) for order in wanted) > FEW_LINES:
        return None
    offers = recall(skus_of(wanted))
    if offers is None or not await _is_there():
        return None
    numbers = numbers_at_hand(len(wanted))
    return Attempt(wanted, offers, number=iter(numbers).__next__) if len(numbers) == len(wanted) else None


async def _is_there() -> bool:
    try:
        await line.reach()
    except psycopg.Error:
        return False
    return True


async def _written(attempt: Attempt) -> list[Outcome]:
    if not attempt:
        return attempt.outcomes
    arrays = [array_of(each).encode() for each in attempt.parameters()]
    try:
        with _djangos_words:
            # No value of its rows is ever NULL.
            rows = cast(list[tuple[bytes, ...]], await line.ask(*arrays))
    except (DataError, IntegrityError) as failure:
        # One of them is to blame: each gets another chance by itself.
        if len(attempt) == 1:
            attempt.fail(failure)
    except Error as failure:
        attempt.fail(failure)
    else:
        attempt.settle({str(identity, "ascii"): str(verdict, "ascii") for identity, verdict in rows})
    return attempt.outcomes


def _keep_numbers(thread: Executor) -> None:
    """Have numbers fetched before they run out, by one who does it at a time."""
    global _fetching
    if are_numbers_short() and (_fetching is None or _fetching.done()):
        _fetching = thread.submit(_fetch_numbers)


def _fetch_numbers() -> None:
    close_broken_connections()
    # Whoever needs one will hear of it.
    with suppress(Error):
        fetch_numbers()
