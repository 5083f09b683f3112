"""All that a database in Postgres holds, row by row, for whoever compares it with what it held elsewhere."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from django.db import connections
from psycopg import sql

from nexus.eventbus.stores.postgres_rows import rows_of

# Transaction ids are the cluster's own: they order the log, whose key they begin, and are not part of what it says.
TABLES = """
SELECT c.relname,
    array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.atttypid <> 'xid8'::regtype),
    coalesce(array_agg(a.attname::text ORDER BY array_position(i.indkey, a.attnum))
        FILTER (WHERE a.attnum = ANY(i.indkey)), '{}'),
    coalesce(array_agg(a.attname::text) FILTER (WHERE a.attcollation <> 0), '{}')
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
GROUP BY c.relname ORDER BY c.relname COLLATE "C"
"""


def tables_of(database: str) -> Mapping[str, Callable[[], Iterator[bytes]]]:
    """By name, a way to read each table in the order of its key; the log in its own."""
    found = {}
    with connections[database].cursor() as cursor:
        cursor.execute(TABLES)
        for name, columns, key, texts in cursor.fetchall():
            order = [_by_bytes(column, texts) for column in key] or [sql.SQL('t::text COLLATE "C"')]
            query = sql.SQL("SELECT ROW({columns})::text FROM {table} AS t ORDER BY {order}").format(
                columns=sql.SQL(", ").join(map(_of, columns)),
                table=sql.Identifier(name),
                order=sql.SQL(", ").join(order),
            )
            found[name] = partial(_read, database, query.as_string())
    return found


def _read(database: str, query: str) -> Iterator[bytes]:
    return (row.encode() for [row] in rows_of(database, query))


def _of(column: str) -> sql.Composable:
    return sql.Identifier("t", column)


def _by_bytes(column: str, texts: list[str]) -> sql.Composable:
    """Texts byte by byte: how a server sorts them otherwise is its own affair."""
    return _of(column) + sql.SQL(' COLLATE "C"') if column in texts else _of(column)
