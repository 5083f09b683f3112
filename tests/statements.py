"""Counting what is asked of a database, whichever way it is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections


@contextmanager
def statements(database: str) -> Iterator[list[str]]:
    """The beginnings of the statements that this thread sends meanwhile."""
    seen: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(" ".join(sql.split())[:80])
        return execute(sql, params, many, context)

    with connections[database].execute_wrapper(note):
        yield seen
