"""
Rows on their way from one database to another.

A transaction that is open holds back every log of its cluster (docs/adr/0003), so that what is written is committed a
portion at a time: the other apps of the cluster that it goes to would wait for all of it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg import sql
from psycopg.errors import UniqueViolation

from nexus.eventbus.moving.places import Connection
from nexus.eventbus.moving.tables import Table, with_dependents

PORTION = 20_000
"""Rows to a transaction; a fraction of a second."""
# `xmin` has 32 bits and goes round; of what is half a round old nobody knows, so that a row may come once too often.
CHANGED = "(t.xmin::text::bigint - {since} % 4294967296 + 4294967296) % 4294967296 < 2147483648"
READ = "COPY (SELECT {columns} FROM {table} AS t WHERE {which}) TO STDOUT"
STAGE = "CREATE TEMPORARY TABLE stage AS SELECT {columns} FROM {table} WITH NO DATA"
# Rows of the log and of the ledger refuse any change: those that are the same are left alone.
MERGE = """
INSERT INTO {table} AS t ({columns}) SELECT {columns} FROM stage
ON CONFLICT ({key}) DO UPDATE SET {updates} WHERE ROW({ours})::text IS DISTINCT FROM ROW({new})::text
"""


@contextmanager
def snapshot(source: Connection) -> Iterator[int]:
    """
    One view of the source, for the length of the block; yields the oldest transaction that it may not know all of.

    It writes nothing and has no transaction id: no log waits for it.
    """
    with source.transaction():
        source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = source.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetchone()
        assert found
        yield found[0]


def copy_anew(source: Connection, target: Connection, tables: Sequence[Table]) -> int:
    """Empty these tables of the target and fill them; how many rows there are."""
    with target.transaction():
        target.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(table.identifier for table in tables)))
    return sum(_fill(source, target, table) for table in tables)


def copy_changes(source: Connection, target: Connection, tables: Sequence[Table], *, since: int) -> int:
    """
    Bring what transactions from `since` on have written; how many rows that were.

    Rows that are gone from the source stay, which a comparison shows. A table without a key is copied anew, and so is
    one whose rows got other keys.
    """
    count = 0
    for table in tables:
        merged = _merge(source, target, table, since) if table.key else None
        if merged is None:
            merged = copy_anew(source, target, with_dependents([table.name], tables))
        count += merged
    return count


def _fill(source: Connection, target: Connection, table: Table) -> int:
    count = 0
    for portion in _portions(source, table, sql.SQL("true")):
        _write(target, table.identifier, table.column_list, portion)
        count += len(portion)
    return count


def _merge(source: Connection, target: Connection, table: Table, since: int) -> int | None:
    """How many rows; None when they are in each other's way."""
    try:
        return _merge_rows(source, target, table, since)
    except UniqueViolation:
        return None


def _merge_rows(source: Connection, target: Connection, table: Table, since: int) -> int:
    stage, merge = _statements(table)
    count = 0
    for portion in _portions(source, table, sql.SQL(CHANGED).format(since=sql.Literal(since))):
        with target.transaction():
            target.execute(stage)
            _write(target, sql.Identifier("stage"), table.column_list, portion)
            target.execute(merge)
            target.execute("DROP TABLE stage")
        count += len(portion)
    return count


def _statements(table: Table) -> tuple[sql.Composed, sql.Composed]:
    names = {name: sql.Identifier(name) for name in table.columns}
    comma = sql.SQL(", ")
    merge = sql.SQL(MERGE).format(
        table=table.identifier,
        columns=table.column_list,
        key=comma.join(names[name] for name in table.key),
        updates=comma.join(sql.SQL("{0} = excluded.{0}").format(name) for name in names.values()),
        ours=comma.join(sql.SQL("t.{}").format(name) for name in names.values()),
        new=comma.join(sql.SQL("excluded.{}").format(name) for name in names.values()),
    )
    return sql.SQL(STAGE).format(columns=table.column_list, table=table.identifier), merge


def _portions(source: Connection, table: Table, which: sql.Composable) -> Iterator[list[bytes]]:
    read = sql.SQL(READ).format(columns=table.column_list, table=table.identifier, which=which)
    portion: list[bytes] = []
    with source.cursor() as cursor, cursor.copy(read) as rows:
        for row in rows:
            portion.append(bytes(row))
            if len(portion) >= PORTION and portion[-1].endswith(b"\n"):
                yield portion
                portion = []
    if portion:
        yield portion


def _write(target: Connection, table: sql.Identifier, columns: sql.Composed, rows: Sequence[bytes]) -> None:
    write = sql.SQL("COPY {} ({}) FROM STDIN").format(table, columns)
    with target.cursor() as cursor, cursor.copy(write) as into:
        into.write(b"".join(rows))
