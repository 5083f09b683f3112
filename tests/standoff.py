"""Two that meet in a database: one has written and not yet committed, the other comes and has to wait for it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections, transaction

from tests.eventually import eventually

T = TypeVar("T")
WAITS_FOR_US = "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)) LIMIT 1"


def second_of_two(*, database: str, first: Callable[[], object], second: Callable[[], T]) -> T:
    """
    What `second` answers, begun while the transaction of `first` was open, which commits once it is waited for.

    :raises AssertionError: `second` neither waits nor ends
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction.atomic(using=database):
            first()
            other = pool.submit(_on_its_own_connection, database, second)
            eventually(lambda: other.done() or _waits_for_us(database))
        return other.result(30)


def _waits_for_us(database: str) -> bool:
    with connections[database].cursor() as cursor:
        cursor.execute(WAITS_FOR_US)
        return cursor.fetchone() is not None


def _on_its_own_connection(database: str, work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connections[database].close()
