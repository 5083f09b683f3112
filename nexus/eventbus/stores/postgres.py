"""The store of an app on Postgres."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from nexus.contracts.base import Envelope, Event, first_uuid7
from nexus.eventbus.models import DeadLetter, InboxEntry, RelayCursor
from nexus.eventbus.stores.base import Batch, ConcurrentChange, Letter
from nexus.eventbus.stores.postgres_contents import tables_of
from nexus.eventbus.stores.postgres_reader import BEGINNING, PostgresReader
from nexus.eventbus.stores.postgres_rows import COLUMNS, columns_of, record_from, rows_of, run
from nexus.eventbus.wire import Record, encode, record_of

APPEND = """
INSERT INTO event_log (id, type, subject, sequence, time, data, correlation_id, causation_id, traceparent)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::json[],
                     %s::text[], %s::text[], %s::text[])
"""
CLAIM = """
INSERT INTO inbox (subscriber, event_id) SELECT %s::text, unnest(%s::uuid[]) ON CONFLICT DO NOTHING RETURNING event_id
"""
STREAMS = f"SELECT {COLUMNS} FROM event_log WHERE subject = ANY(%s) ORDER BY subject, sequence"
ALL_STREAMS = f'SELECT {COLUMNS} FROM event_log ORDER BY subject COLLATE "C", sequence'
HISTORY = f"""
SELECT xid::text, {COLUMNS} FROM event_log
WHERE (xid, id) > (%s::xid8, %s::uuid) AND xid < %s::xid8 AND (%s::text[] IS NULL OR type = ANY(%s)) AND id >= %s::uuid
ORDER BY event_log.xid, event_log.id LIMIT %s
"""
TOLD = """
SELECT id FROM event_log WHERE type = ANY(%s) AND xid < log_horizon() ORDER BY id
"""
HEARD = """
SELECT event_id FROM inbox WHERE subscriber = %s
UNION SELECT event_id FROM dead_letter WHERE subscriber = %s AND replayed_at IS NULL ORDER BY event_id
"""
# A position is "xid:id"; what else stands among the cursors follows no log.
BACKLOG = """
SELECT consumer, count(e.id), coalesce(extract(epoch FROM clock_timestamp() - min(e.time)), 0)
FROM (SELECT * FROM relay_cursor WHERE position LIKE '%:%' OFFSET 0) AS follower LEFT JOIN event_log AS e
    ON (e.xid, e.id) > (split_part(position, ':', 1)::xid8, split_part(position, ':', 2)::uuid)
GROUP BY consumer
"""
PULSE = """
SELECT coalesce(sum(n_tup_ins) FILTER (WHERE relname = 'event_log'), 0)::bigint,
       coalesce(sum(n_tup_ins) FILTER (WHERE relname = 'inbox'), 0)::bigint
FROM pg_stat_user_tables WHERE relname IN ('event_log', 'inbox')
"""
# Ids rise with time, so that the newest stand at the end of the primary key; no index by type is needed.
NEWEST = f"SELECT {COLUMNS} FROM event_log WHERE type = %s ORDER BY event_log.id DESC LIMIT %s"
R = TypeVar("R")
INHERIT = """
INSERT INTO relay_cursor (consumer, position, moved_at)
SELECT %s, position, now() FROM relay_cursor
WHERE consumer = ANY(%s) AND (SELECT count(*) FROM relay_cursor WHERE consumer = ANY(%s)) = %s
ORDER BY split_part(position, ':', 1)::xid8, split_part(position, ':', 2)::uuid LIMIT 1
ON CONFLICT DO NOTHING
"""


class PostgresStore:
    """Log, inbox and dead letters in the database of one app, by its alias in ``DATABASES``."""

    def __init__(self, database: str) -> None:
        self.database = database

    def append(self, envelopes: Sequence[Envelope[Event]]) -> None:
        if not envelopes:
            return
        try:
            # The savepoint keeps the caller's transaction usable when a stream has moved on.
            with transaction.atomic(using=self.database):
                run(self.database, APPEND, columns_of([record_of(envelope) for envelope in envelopes]))
        except IntegrityError as clash:
            raise ConcurrentChange from clash

    def stream(self, subject: str) -> Sequence[Record]:
        return self.streams([subject])

    def streams(self, subjects: Sequence[str]) -> Sequence[Record]:
        with connections[self.database].cursor() as cursor:
            cursor.execute(STREAMS, [list(subjects)])
            return [record_from(row) for row in cursor.fetchall()]

    def all_streams(self) -> Iterator[Record]:
        return (record_from(row) for row in rows_of(self.database, ALL_STREAMS))

    def history(
        self, types: Sequence[str] | None, *, after: str = "", since: datetime | None = None, size: int
    ) -> Iterator[Batch]:
        position, kinds = after or BEGINNING, None if types is None else list(types)
        with connections[self.database].cursor() as cursor:
            cursor.execute("SELECT log_horizon()::text")
            [settled_before] = cursor.fetchone()
        while True:
            xid, _, identity = position.partition(":")
            with connections[self.database].cursor() as cursor:
                first = first_uuid7(since) if since else UUID(int=0)
                cursor.execute(HISTORY, [xid, identity, settled_before, kinds, kinds, first, size])
                rows = cursor.fetchall()
            if not rows:
                return
            position = f"{rows[-1][0]}:{rows[-1][1]}"
            yield Batch(records=[record_from(row[1:]) for row in rows], position=position)

    def told(self, types: Sequence[str]) -> Iterator[UUID]:
        return (row[0] for row in rows_of(self.database, TOLD, [list(types)]))

    def heard(self, subscriber: str) -> Iterator[UUID]:
        return (row[0] for row in rows_of(self.database, HEARD, [subscriber, subscriber]))

    def transact(self, work: Callable[[], R]) -> R:
        with transaction.atomic(using=self.database):
            return work()

    def apply_once(self, *, subscriber: str, ids: Sequence[UUID], work: Callable[[set[UUID]], None]) -> set[UUID]:
        with transaction.atomic(using=self.database):
            # A concurrent duplicate waits here on the primary key until the first one commits, then gets nothing.
            fresh = {row[0] for row in run(self.database, CLAIM, [subscriber, sorted(ids)])}
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

    def letters(self, subscriber: str) -> Sequence[Letter]:
        waiting = DeadLetter.objects.using(self.database).filter(subscriber=subscriber, replayed_at=None)
        return [Letter(**row) for row in waiting.order_by("event_id").values(*(f.name for f in fields(Letter)))]

    def mark_replayed(self, *, subscriber: str, event_id: UUID) -> None:
        letters = DeadLetter.objects.using(self.database).filter(subscriber=subscriber, event_id=event_id)
        letters.update(replayed_at=timezone.now())

    def list_buried(self, *, subscriber: str, ids: Sequence[UUID]) -> set[UUID]:
        waiting = DeadLetter.objects.using(self.database).filter(subscriber=subscriber, replayed_at=None)
        return set(waiting.filter(event_id__in=ids).values_list("event_id", flat=True))

    def count_told(self, types: Sequence[str]) -> int:
        return self._count("SELECT count(*) FROM event_log WHERE type = ANY(%s)", [list(types)])

    def count_heard(self, subscriber: str, types: Sequence[str]) -> int:
        waiting = "SELECT event_id FROM dead_letter WHERE subscriber = %s AND replayed_at IS NULL AND type = ANY(%s)"
        heard = f"SELECT event_id FROM inbox WHERE subscriber = %s UNION {waiting}"
        return self._count(f"SELECT count(*) FROM ({heard}) AS heard", [subscriber, subscriber, list(types)])

    def count_buried(self, subscriber: str) -> int:
        waiting = "SELECT count(*) FROM dead_letter WHERE subscriber = %s AND replayed_at IS NULL"
        return self._count(waiting, [subscriber])

    def pulse(self) -> tuple[int, int]:
        with connections[self.database].cursor() as cursor:
            cursor.execute(PULSE)
            told, heard = cursor.fetchone()
        return told, heard

    def heard_at(self, subscriber: str, ids: Sequence[UUID]) -> dict[UUID, datetime]:
        rows = InboxEntry.objects.using(self.database).filter(subscriber=subscriber, event_id__in=ids)
        return dict(rows.values_list("event_id", "processed_at"))

    def newest(self, kind: str, *, size: int) -> Sequence[Record]:
        with connections[self.database].cursor() as cursor:
            cursor.execute(NEWEST, [kind, size])
            return [record_from(row) for row in cursor.fetchall()]

    def _count(self, query: str, parameters: list[Any]) -> int:
        with connections[self.database].cursor() as cursor:
            cursor.execute(query, parameters)
            found: int = cursor.fetchone()[0]
        return found

    def cursors(self) -> Sequence[tuple[str, str, datetime]]:
        rows = RelayCursor.objects.using(self.database).order_by("consumer")
        return list(rows.values_list("consumer", "position", "moved_at"))

    def forget(self, consumer: str) -> bool:
        return bool(RelayCursor.objects.using(self.database).filter(consumer=consumer).delete()[0])

    def backlog(self) -> Sequence[tuple[str, int, float]]:
        with connections[self.database].cursor() as cursor:
            cursor.execute(BACKLOG)
            return [(consumer, count, float(age)) for consumer, count, age in cursor.fetchall()]

    def reader(self, consumer: str) -> PostgresReader:
        return PostgresReader(self.database, consumer)

    def contents(self, *, without: Sequence[str] = ()) -> Mapping[str, Callable[[], Iterator[bytes]]]:
        return tables_of(self.database)

    def inherit_position(self, consumer: str, *, of: Sequence[str]) -> bool:
        with connections[self.database].cursor() as cursor:
            cursor.execute(INHERIT, [consumer, list(of), list(of), len(of)])
            return cursor.rowcount == 1
