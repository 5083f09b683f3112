"""
The log's own time: what makes it go on where it was in a cluster whose transaction ids are others.

A log is read in the order (transaction id, event id) and up to the oldest transaction still open. Rows that came from a
cluster which has seen more transactions lie in the new one's future: relays would wait for them, and what is told from
now on would go before them, where whoever has passed never looks. So the new database adds to its ids what is missing.
The rows and everybody's positions stay as they were.
"""

from psycopg import sql

from nexus.eventbus.moving.places import Connection

AHEAD = """
SELECT greatest(0, coalesce(max(xid::text::bigint), 0) + 1 - pg_current_xact_id()::text::bigint) FROM event_log
"""
WRITE = """
ALTER TABLE event_log ALTER COLUMN xid SET DEFAULT (pg_current_xact_id()::text::bigint + {ahead})::text::xid8
"""
READ = """
CREATE OR REPLACE FUNCTION log_horizon() RETURNS xid8 LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + {ahead})::text::xid8$$
"""


def go_on_behind(target: Connection) -> int:
    """
    Let whatever is told here from now on come behind what the log has; how many ids were missing.

    For a database that nobody else is in.
    """
    with target.transaction():
        row = target.execute(AHEAD).fetchone()
        assert row
        ahead = int(row[0])
        for statement in (WRITE, READ):
            target.execute(sql.SQL(statement).format(ahead=sql.Literal(ahead)))
    return ahead
