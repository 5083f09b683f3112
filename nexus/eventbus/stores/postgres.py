"""The store of an app on Postgres."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from django.db import IntegrityError, connections, transaction

from nexus.contracts.base import Envelope, Event
from nexus.eventbus.models import DeadLetter
from nexus.eventbus.stores.base import Batch, ConcurrentChange
from nexus.eventbus.wire import Record, encode, record_of

COLUMNS = "id, type, subject, sequence, time, data::text, correlation_id, causation_id, traceparent"
APPEND = """
INSERT INTO event_log (id, type, subject, sequence, time, data, correlation_id, causation_id, traceparent)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::json[],
                     %s::text[], %s::text[], %s::text[])
"""
CLAIM = """
INSERT INTO inbox (subscriber, event_id) SELECT %s, unnest(%s::uuid[]) ON CONFLICT DO NOTHING RETURNING event_id
"""
# A row is settled once no older transaction is still open: only then can nothing appear in front of it any more.
READ = f"""
SELECT xid::text, xid < pg_snapshot_xmin(pg_current_snapshot()), {COLUMNS}
FROM event_log WHERE (xid, id) > (%s::xid8, %s::uuid) ORDER BY xid, id LIMIT %s
"""
ADVANCE = """
INSERT INTO relay_cursor (consumer, position, moved_at) VALUES (%s, %s, now())
ON CONFLICT (consumer) DO UPDATE SET position = excluded.position, moved_at = excluded.moved_at
"""
BEGINNING = "0:00000000-0000-0000-0000-000000000000"


class PostgresStore:
    """Log, inbox and dead letters in the database of one app, by its alias in ``DATABASES``."""

    def __init__(self, database: str) -> None:
        self.database = database

    def append(self, envelopes: Sequence[Envelope[Event]]) -> None:
        if not envelopes:
            return
        try:
            # The savepoint keeps the caller's transaction usable when a stream has moved on.
            with transaction.atomic(using=self.database), connections[self.database].cursor() as cursor:
                cursor.execute(APPEND, columns_of([record_of(envelope) for envelope in envelopes]))
        except IntegrityError as clash:
            raise ConcurrentChange from clash

    def stream(self, subject: str) -> Sequence[Record]:
        with connections[self.database].cursor() as cursor:
            cursor.execute(f"SELECT {COLUMNS} FROM event_log WHERE subject = %s ORDER BY sequence", [subject])
            return [_record(row) for row in cursor.fetchall()]

    def apply_once(self, *, subscriber: str, ids: Sequence[UUID], work: Callable[[set[UUID]], None]) -> set[UUID]:
        with transaction.atomic(using=self.database):
            with connections[self.database].cursor() as cursor:
                # A concurrent duplicate waits here on the primary key until the first one commits, then gets nothing.
                cursor.execute(CLAIM, [subscriber, sorted(ids)])
                fresh = {row[0] for row in cursor.fetchall()}
            if fresh:
                work(fresh)
        return fresh

    def bury(self, *, subscriber: str, record: Record, error: str) -> None:
        with transaction.atomic(using=self.database):
            letter, new = DeadLetter.objects.using(self.database).get_or_create(
                subscriber=subscriber,
                event_id=record.id,
                defaults={"type": record.type, "event": encode([record]).decode(), "error": error},
            )
            if not new:
                letter.attempts += 1
                letter.error = error
                letter.replayed_at = None
                letter.save(using=self.database)

    def count_told(self, types: Sequence[str]) -> int:
        return self._count("SELECT count(*) FROM event_log WHERE type = ANY(%s)", [list(types)])

    def count_heard(self, subscriber: str) -> int:
        waiting = "SELECT event_id FROM dead_letter WHERE subscriber = %s AND replayed_at IS NULL"
        heard = f"SELECT event_id FROM inbox WHERE subscriber = %s UNION {waiting}"
        return self._count(f"SELECT count(*) FROM ({heard}) AS heard", [subscriber, subscriber])

    def count_buried(self, subscriber: str) -> int:
        waiting = "SELECT count(*) FROM dead_letter WHERE subscriber = %s AND replayed_at IS NULL"
        return self._count(waiting, [subscriber])

    def _count(self, query: str, parameters: list[Any]) -> int:
        with connections[self.database].cursor() as cursor:
            cursor.execute(query, parameters)
            found: int = cursor.fetchone()[0]
        return found

    def reader(self, consumer: str) -> "PostgresReader":
        return PostgresReader(self.database, consumer)


class PostgresReader:
    """Reads on a connection of its own; a session lock keeps it the only one."""

    def __init__(self, database: str, consumer: str) -> None:
        settings = connections[database].get_connection_params()
        for name in ("pool", "cursor_factory", "context", "server_side_binding"):
            settings.pop(name, None)
        self._connection: psycopg.Connection[Any] = psycopg.connect(**settings, autocommit=True)
        self._consumer = consumer
        self._active = False
        self._position = BEGINNING

    def acquire(self) -> bool:
        if not self._active:
            name = int.from_bytes(blake2b(self._consumer.encode(), digest_size=8).digest(), signed=True)
            row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", [name]).fetchone()
            self._active = bool(row and row[0])
            if self._active:
                self._connection.execute("LISTEN event_log")
                where = "SELECT position FROM relay_cursor WHERE consumer = %s"
                found = self._connection.execute(where, [self._consumer]).fetchone()
                self._position = found[0] if found else BEGINNING
        return self._active

    def read(self, *, limit: int) -> Batch:
        xid, _, identity = self._position.partition(":")
        rows = self._connection.execute(READ, [xid, identity, limit], prepare=True).fetchall()
        settled = [row for row in rows if row[1]]
        position = f"{settled[-1][0]}:{settled[-1][2]}" if settled else self._position
        return Batch(records=[_record(row[2:]) for row in settled], position=position, pending=len(settled) < len(rows))

    def advance(self, batch: Batch) -> None:
        self._connection.execute(ADVANCE, [self._consumer, batch.position], prepare=True)
        self._position = batch.position

    def wait(self, timeout: float) -> None:
        for _ in self._connection.notifies(timeout=timeout, stop_after=1):
            pass

    def close(self) -> None:
        self._connection.close()


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


def _record(row: Sequence[Any]) -> Record:
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
