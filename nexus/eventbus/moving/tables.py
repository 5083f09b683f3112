"""What there is to move: an app's tables, in an order in which none refers to one that comes later."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from psycopg import sql

from nexus.eventbus.moving.places import CannotMove, Connection

OWN = "django_migrations"
"""Each database keeps its own."""
TABLES = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attname),
    array(SELECT k.attname::text FROM pg_index AS i JOIN pg_attribute AS k
        ON k.attrelid = i.indrelid AND k.attnum = ANY(i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary),
    array(SELECT f.confrelid::regclass::text FROM pg_constraint AS f
        WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> %s AND a.attgenerated = ''
GROUP BY c.oid, c.relname
"""
MIGRATIONS = f"SELECT app, name FROM {OWN}"
DIGEST = "SELECT count(*), coalesce(sum(hashtextextended(ROW({columns})::text, 0)::numeric), 0)::text FROM {table}"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Its columns and those of its primary key by name, and the tables that it refers to."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    needs: frozenset[str]

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.name)

    @property
    def column_list(self) -> sql.Composed:
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))


Digest = tuple[int, str]
"""How many rows there are, and a sum over a hash of each: the same rows give the same, in whatever order they lie."""


def tables_of(connection: Connection) -> list[Table]:
    """Every table of the app, those that others refer to first."""
    found = {
        name: Table(name=name, columns=tuple(columns), key=tuple(key), needs=frozenset(needs))
        for name, columns, key, needs in connection.execute(TABLES, [OWN]).fetchall()
    }
    order = TopologicalSorter({name: sorted(found[name].needs) for name in sorted(found)})
    return [found[name] for name in order.static_order()]


def with_dependents(chosen: Iterable[str], tables: Sequence[Table]) -> list[Table]:
    """These, and whatever refers to them: what is emptied with them."""
    wanted = set(chosen)
    for table in tables:  # those that are referred to come first
        if table.needs & wanted:
            wanted.add(table.name)
    return [table for table in tables if table.name in wanted]


def digests_of(connection: Connection, tables: Sequence[Table]) -> Mapping[str, Digest]:
    """The digest of each table; reads all of it."""
    found: dict[str, Digest] = {}
    for table in tables:
        query = sql.SQL(DIGEST).format(columns=table.column_list, table=table.identifier)
        row = connection.execute(query).fetchone()
        assert row
        found[table.name] = (row[0], row[1])
    return found


def require_same_tables(source: Connection, target: Connection) -> list[Table]:
    """
    The tables, which are the same on both sides.

    :raises CannotMove: they are not
    """
    here, there = tables_of(source), tables_of(target)
    if differing := {table.name for table in set(here) ^ set(there)}:
        raise CannotMove(f"the tables differ: {', '.join(sorted(differing))}; run `manage.py prepare` for both")
    ours, theirs = (set(side.execute(MIGRATIONS).fetchall()) for side in (source, target))
    shared = {app for app, _ in ours} & {app for app, _ in theirs}
    if differing := {f"{app}.{name}" for app, name in ours ^ theirs if app in shared}:
        raise CannotMove(f"the migrations differ: {', '.join(sorted(differing))}; run `manage.py prepare` for both")
    return here
