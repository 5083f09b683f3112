"""Rows of the log as they are written and read, and connections beside Django's."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
import psycopg
from django.db import connections

from nexus.eventbus.postgresql.connection import PatientConnection
from nexus.eventbus.wire import Record

COLUMNS = "id, type, subject, sequence, time, data::text, correlation_id, causation_id, traceparent"

QUOTED = '","'
DJANGOS_OWN = ("pool", "cursor_factory", "context", "server_side_binding")


def connect(database: str) -> PatientConnection:
    """A connection of one's own beside Django's, with the same settings; each statement commits."""
    return PatientConnection.connect(**parameters_of(database), autocommit=True)


def parameters_of(database: str) -> dict[str, Any]:
    """Where the database is and how one connects, in psycopg's terms."""
    ours = connections[database].get_connection_params()
    return {name: value for name, value in ours.items() if name not in DJANGOS_OWN}


def run(database: str, query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """
    One statement, planned once for each connection; its rows. It belongs to Django's transaction, as its errors do.

    For statements of the hot path: Django alone would send the parameters as text within the statement, to be parsed
    and planned anew each time. A list becomes an array literal, for which the statement names the type. Whoever watches
    statements through Django's `execute_wrapper` sees it.
    """
    ours = connections[database]
    ours.ensure_connection()
    assert ours.connection is not None
    with ours.wrap_database_errors, psycopg.Cursor(ours.connection) as cursor:

        def execute(sql: str, params: Sequence[Any], *_: object) -> None:
            arrays = [array_of(each) if isinstance(each, list) else each for each in params]
            cursor.execute(sql.encode(), arrays, prepare=True)

        for wrapper in ours.execute_wrappers:
            execute = partial(wrapper, execute)
        execute(query, parameters, False, {"connection": ours, "cursor": cursor})
        return cursor.fetchall() if cursor.description else []


def array_of(values: Sequence[Any]) -> str:
    """
    A one-dimensional array as Postgres reads it (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO).

    psycopg's own decides anew for each element, and was half of what a batch of orders cost (docs/performance.md).
    """
    if values and isinstance(values[0], str):
        try:
            quoted = f'{{"{QUOTED.join(values)}"}}'
        except TypeError:
            pass
        else:
            # Hardly any text has a letter that needs more than to stand in quotes.
            if "\\" not in quoted and quoted.count('"') == 2 * len(values):
                return quoted
    return f"{{{','.join([_element(value) for value in values])}}}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f'"{value.isoformat()}"' if isinstance(value, datetime) else str(value)


def rows_of(database: str, query: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
    """The rows of a query, however many: a page at a time, over a connection of its own, taking its time."""
    with closing(connect(database)) as connection, connection.transaction():
        connection.takes_its_time = True
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SET LOCAL timezone = 'UTC'")
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        with connection.cursor("rows") as cursor:
            cursor.itersize = 5000
            yield from cursor.execute(query.encode(), parameters or None)


def columns_of(records: Sequence[Record]) -> list[list[Any]]:
    """Records as the arrays that `APPEND` takes, for statements that write more than the log."""
    return [
        [record.id for record in records],
        [record.type for record in records],
        [record.subject for record in records],
        [record.sequence for record in records],
        [record.time for record in records],
        [bytes(record.data).decode() for record in records],
        [record.correlationid for record in records],
        [record.causationid for record in records],
        [record.traceparent for record in records],
    ]


def record_from(row: Sequence[Any]) -> Record:
    identity, kind, subject, sequence, time, data, correlation, causation, traceparent = row
    return Record(
        specversion="1.0",
        id=identity,
        type=kind,
        source=kind.partition(".")[0],
        subject=subject,
        sequence=sequence,
        time=time,
        data=msgspec.Raw(data.encode()),
        correlationid=correlation,
        causationid=causation,
        traceparent=traceparent,
    )
