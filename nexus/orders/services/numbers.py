"""Short order numbers for people: unique, rising roughly with time, gaps allowed."""

import threading
from datetime import UTC, datetime

from django.conf import settings
from django.db import connections

from nexus.orders.models import DATABASE

BLOCK = 50
"""Numbers a process takes at once: one round trip to the database for that many orders, and some that get lost."""

_lock = threading.Lock()
"""Held for moments: the event loop takes numbers too."""
_blocks: dict[str, list[int]] = {}


def next_number() -> str:
    """Such as ``N-2026-000123``."""
    while not (found := numbers_at_hand(1)):
        fetch_numbers()
    return found[0]


def numbers_at_hand(count: int) -> list[str]:
    """So many numbers, or as many as no database has to be asked for."""
    year = datetime.now(UTC).year
    with _lock:
        block = _block()
        return [f"N-{year}-{block.pop():06}" for _ in range(min(count, len(block)))]


def are_numbers_short() -> bool:
    """Whether it is time to `fetch_numbers`."""
    return len(_block()) < BLOCK // 2


def fetch_numbers() -> None:
    """Have another block at hand."""
    with connections[DATABASE].cursor() as cursor:
        cursor.execute("SELECT nextval('order_number_block')")
        first = (cursor.fetchone()[0] - 1) * BLOCK + 1
    with _lock:
        # Taken from the end: what was there goes first.
        _block()[:0] = range(first + BLOCK - 1, first - 1, -1)


def _block() -> list[int]:
    # By database name: tests and tenants that share a process must not share numbers.
    return _blocks.setdefault(str(settings.DATABASES[DATABASE]["NAME"]), [])
