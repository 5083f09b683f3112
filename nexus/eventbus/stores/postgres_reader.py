"""Following a log in Postgres, one reader at a time for each consumer."""

import time
from hashlib import blake2b

from nexus.eventbus.stores.base import Batch
from nexus.eventbus.stores.postgres_rows import COLUMNS, connect, record_from

# A row is settled once no older transaction is still open: only then can nothing appear in front of it any more. The
# columns that order are named with their table: `xid` alone would be the text that is selected, 1000 before 999.
READ = f"""
SELECT xid::text, xid < log_horizon(), {COLUMNS}
FROM event_log WHERE (xid, id) > (%s::xid8, %s::uuid) ORDER BY event_log.xid, event_log.id LIMIT %s
"""
ADVANCE = """
INSERT INTO relay_cursor (consumer, position, moved_at) VALUES (%s, %s, now())
ON CONFLICT (consumer) DO UPDATE SET position = excluded.position, moved_at = excluded.moved_at
"""
ANYTHING = "SELECT FROM event_log WHERE (xid, id) > (%s::xid8, %s::uuid) LIMIT 1"
SLEEPERS, SLOTS = 1702259046, 8
"""The advisory locks of sleeping readers, as the trigger of the log knows them (migration 0002)."""
DROWSY = 0.25
LOOK_EVERY = 0.005
"""Seconds: how long a reader stays awake after it found something, and how often it looks meanwhile."""
BEGINNING = "0:00000000-0000-0000-0000-000000000000"
FROZEN = 30
"""
Seconds after which the server ends the session of a reader that says nothing, and gives its lock to another: a process
that stands still keeps its connection for ever. One at work looks at the log every second, or waits for a confirm.
"""


class PostgresReader:
    """Reads on a connection of its own; a session lock keeps it the only one."""

    def __init__(self, database: str, consumer: str) -> None:
        self._connection = connect(database)
        self._consumer = consumer
        self._active = False
        self._position = BEGINNING
        self._found_at = float("-inf")

    def acquire(self) -> bool:
        if not self._active:
            name = int.from_bytes(blake2b(self._consumer.encode(), digest_size=8).digest(), signed=True)
            row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", [name]).fetchone()
            self._active = bool(row and row[0])
            if self._active:
                self._connection.execute(f"SET idle_session_timeout = '{FROZEN}s'")
                # What is lost of a position is handed on once more, and heard once: no commit has to wait for the disk.
                self._connection.execute("SET synchronous_commit = off")
                self._connection.execute("LISTEN event_log")
                where = "SELECT position FROM relay_cursor WHERE consumer = %s"
                found = self._connection.execute(where, [self._consumer]).fetchone()
                self._position = found[0] if found else BEGINNING
        return self._active

    def read(self, *, limit: int) -> Batch:
        rows = self._connection.execute(READ, [*self._where(), limit], prepare=True).fetchall()
        if rows:
            self._found_at = time.monotonic()
        settled = [row for row in rows if row[1]]
        position = f"{settled[-1][0]}:{settled[-1][2]}" if settled else self._position
        return Batch(
            records=[record_from(row[2:]) for row in settled], position=position, pending=len(settled) < len(rows)
        )

    def advance(self, batch: Batch) -> None:
        self._connection.execute(ADVANCE, [self._consumer, batch.position], prepare=True)
        self._position = batch.position

    def wait(self, timeout: float) -> None:
        """Look again soon while there was something a moment ago; then sleep until somebody appends."""
        if time.monotonic() - self._found_at < DROWSY or (slot := self._fall_asleep()) is None:
            time.sleep(min(timeout, LOOK_EVERY))
            return
        try:
            # Whoever appended before the lock was ours did not wake anybody.
            if self._connection.execute(ANYTHING, self._where(), prepare=True).fetchone() is None:
                for _ in self._connection.notifies(timeout=timeout, stop_after=1):
                    pass
        finally:
            self._connection.execute("SELECT pg_advisory_unlock(%s, %s)", [SLEEPERS, slot])

    def _fall_asleep(self) -> int | None:
        """The lock that tells whoever appends to wake us; none while somebody is appending."""
        for slot in range(SLOTS):
            row = self._connection.execute("SELECT pg_try_advisory_lock(%s, %s)", [SLEEPERS, slot]).fetchone()
            if row and row[0]:
                return slot
        return None

    def _where(self) -> list[str]:
        xid, _, identity = self._position.partition(":")
        return [xid, identity]

    def close(self) -> None:
        self._connection.close()
