"""The move itself, step by step; each can be done again, and all but the last be undone."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from hashlib import blake2b

import psycopg
from psycopg import sql

from nexus.eventbus.moving.copying import copy_anew, copy_changes, snapshot
from nexus.eventbus.moving.log_time import go_on_behind
from nexus.eventbus.moving.places import MAINTENANCE, CannotMove, Connection, Place
from nexus.eventbus.moving.tables import Table, digests_of, require_same_tables, with_dependents

NOTES = """
CREATE SCHEMA IF NOT EXISTS moving;
CREATE TABLE IF NOT EXISTS moving.notes (source text NOT NULL, since bigint, moved_at timestamptz);
"""
NOTE = "WITH gone AS (DELETE FROM moving.notes) INSERT INTO moving.notes (source, since) VALUES (%s, %s)"
USED = "SELECT EXISTS (SELECT FROM event_log) OR EXISTS (SELECT FROM inbox)"
SEQUENCES = """
SELECT sequencename::text, coalesce(last_value, start_value), last_value IS NOT NULL
FROM pg_sequences WHERE schemaname = 'public'
"""
DONE = "UPDATE moving.notes SET moved_at = clock_timestamp()"
Say = Callable[[str], None]


class Move:
    """From one database to another. Nothing else may write to the target before it is done."""

    def __init__(self, *, source: Place, target: Place, say: Say) -> None:
        self._source, self._target, self._say = source, target, say

    def copy(self) -> None:
        """
        Copy everything while the app works; the next time, what has changed since.

        :raises CannotMove: the target is in use, or not prepared as the source is
        """
        with self._alone(), closing(self._source.connect()) as source, self._draft() as target:
            self._copy(source, target)

    def switch(self) -> None:
        """
        Copy what has changed, shut the source, copy the rest, compare, open the target.

        The source stays shut, with all it had. When anything is wrong it is opened again.

        :raises CannotMove: as `copy`; or the two differ
        """
        with self._alone():
            if self._is_done():
                self._source.shut()
                self._target.open()
                self._say(f"{self._target} had everything already, and is open")
                return
            self._source.open()
            with closing(self._source.connect()) as source, self._draft() as target:
                self._copy(source, target)
                shut = time.monotonic()
                try:
                    self._source.shut(but=[source])
                    self._finish(source, target)
                except BaseException:
                    # Whatever broke, two that can be written to would be worse than none.
                    if not self._is_done():
                        self._source.open()
                    raise
            self._target.open()
            self._say(f"{self._target} is open; nobody could write for {time.monotonic() - shut:.2f} s")

    def undo(self) -> None:
        """
        Open the source again, and shut the target.

        :raises CannotMove: the target has been written to since; then it is to be moved back
        """
        with self._alone():
            if self._is_done():
                with closing(self._source.enter_alone()) as source, closing(self._target.enter_alone()) as target:
                    tables = require_same_tables(source, target)
                    if differing := _compare(source, target, tables)[0]:
                        self._target.open()
                        raise CannotMove(
                            f"{', '.join(differing)} of {self._target} changed since; move it back instead"
                        )
                    target.execute("UPDATE moving.notes SET moved_at = NULL")
            self._source.open()
            self._say(f"{self._source} is open again")

    def retire(self) -> None:
        """
        Drop the source, which is shut and whose data is in the target.

        :raises CannotMove: that is not so
        """
        with self._alone():
            if self._source.is_open() or not self._is_done():
                raise CannotMove(f"{self._source} is in use; nothing was moved to {self._target}")
            self._source.drop()
            self._say(f"{self._source} is gone")

    # -- what they consist of

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process moves to the same place meanwhile."""
        name = int.from_bytes(blake2b(f"move {self._target.name}".encode(), digest_size=8).digest(), signed=True)
        with closing(self._target.connect(MAINTENANCE)) as server:
            got = server.execute("SELECT pg_try_advisory_lock(%s)", [name]).fetchone()
            if not got or not got[0]:
                raise CannotMove(f"another process is moving to {self._target}")
            try:
                yield
            finally:
                # A busy server notices late that the connection was closed, and whoever comes next would be refused.
                with suppress(psycopg.OperationalError):
                    server.execute("SELECT pg_advisory_unlock(%s)", [name])

    def _is_done(self) -> bool:
        """
        Whether all is there already.

        :raises CannotMove: the target has something from elsewhere
        """
        with closing(self._enter_target()) as target:
            notes = _notes_of(target)
        if notes and notes[0] != self._source.identity():
            raise CannotMove(f"{self._target} was begun from another database")
        return bool(notes and notes[1])

    def _enter_target(self) -> Connection:
        """A target that is open may be in use, and stays so."""
        return self._target.connect() if self._target.is_open() else self._target.enter_alone()

    @contextmanager
    def _draft(self) -> Iterator[Connection]:
        """The target, alone in it."""
        if self._source.identity() == self._target.identity():
            raise CannotMove(f"{self._source} and {self._target} are the same")
        if self._is_done():
            raise CannotMove(f"{self._target} has been moved to already")
        with closing(self._enter_target()) as target:
            used = target.execute(USED).fetchone()
            if _notes_of(target) is None and used and used[0]:
                raise CannotMove(f"{self._target} is in use")
            self._target.shut(but=[target])
            yield target

    def _copy(self, source: Connection, target: Connection) -> None:
        began, tables = time.monotonic(), require_same_tables(source, target)
        since = self._since(target)
        with snapshot(source) as horizon:
            if since is None:
                # Until it is whole nobody knows since when: one that was broken off begins again.
                target.execute(NOTE, [self._source.identity(), None])
                count = copy_anew(source, target, tables)
            else:
                count = copy_changes(source, target, tables, since=since)
        target.execute(NOTE, [self._source.identity(), horizon])
        target.execute("ANALYZE")
        self._say(f"{count} rows of {len(tables)} tables copied in {time.monotonic() - began:.1f} s")

    @staticmethod
    def _since(target: Connection) -> int | None:
        target.execute(NOTES)
        notes = target.execute("SELECT since FROM moving.notes").fetchone()
        return notes[0] if notes else None

    def _finish(self, source: Connection, target: Connection) -> None:
        tables, since = require_same_tables(source, target), self._since(target)
        assert since is not None
        with snapshot(source):
            late = copy_changes(source, target, tables, since=since)
            differing, rows = _compare(source, target, tables)
            if differing:
                # Rows that are gone from the source are what no copy of changes shows.
                late += copy_anew(source, target, with_dependents(differing, tables))
                differing, rows = _compare(source, target, tables)
            if differing:
                raise CannotMove(f"{', '.join(differing)} differ after the copy")
            _set_sequences(source, target)
        ahead = go_on_behind(target)
        self._say(f"{late} rows since; all {rows} are the same; the log goes on {ahead} transactions ahead")
        target.execute(DONE)


def _notes_of(target: Connection) -> tuple[str, bool] | None:
    """From which database it has what it has, and whether that is all; None when nothing was ever moved to it."""
    known = target.execute("SELECT to_regclass('moving.notes') IS NOT NULL").fetchone()
    if not known or not known[0]:
        return None
    notes = target.execute("SELECT source, moved_at IS NOT NULL FROM moving.notes").fetchone()
    return (notes[0], notes[1]) if notes else None


def _compare(source: Connection, target: Connection, tables: Sequence[Table]) -> tuple[list[str], int]:
    """The tables that differ, and how many rows the source has."""
    here, there = digests_of(source, tables), digests_of(target, tables)
    return [name for name in here if here[name] != there[name]], sum(count for count, _ in here.values())


def _set_sequences(source: Connection, target: Connection) -> None:
    for name, value, called in source.execute(SEQUENCES).fetchall():
        target.execute("SELECT setval(%s::regclass, %s, %s)", [sql.Identifier(name).as_string(), value, called])
