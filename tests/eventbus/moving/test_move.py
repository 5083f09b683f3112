"""Taking a database to another place while its app works: all of it, nothing twice, and nobody in both."""

import threading
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext, suppress
from uuid import UUID

import psycopg
import pytest

from nexus.contracts.base import uuid7
from nexus.eventbus.moving import copying
from nexus.eventbus.moving.places import MAINTENANCE, CannotMove, Connection, Place
from tests.eventbus.conftest import lit, tell
from tests.eventbus.moving.conftest import Moved
from tests.eventually import eventually

TABLES = ("event_log", "inbox", "relay_cursor", "place", "shelf", "a_witness")
IN = "INSERT INTO inbox (subscriber, event_id) VALUES ('inventory', %s)"


def everything(moved: Moved, place: Place) -> dict[str, list[tuple[object, ...]]]:
    return {table: moved.rows(place, table) for table in TABLES}


class TestCopy:
    def test_brings_every_row(self, moved: Moved) -> None:
        moved.fill()
        tell(moved.old, lit(), lit())

        moved.move.copy()

        moved.target.open()
        assert everything(moved, moved.target) == everything(moved, moved.source)

    def test_leaves_the_source_open_and_the_target_shut(self, moved: Moved) -> None:
        moved.move.copy()

        assert (moved.source.is_open(), moved.target.is_open()) == (True, False)

    def test_commits_a_portion_at_a_time(self, moved: Moved, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(copying, "PORTION", 10)
        moved.fill(95)

        moved.move.copy()

        moved.target.open()
        [[transactions]] = moved.sql(moved.target, "SELECT count(DISTINCT xmin::text) FROM shelf")
        assert transactions == 10

    def test_begins_again_after_it_was_broken_off(self, moved: Moved, monkeypatch: pytest.MonkeyPatch) -> None:
        moved.fill()
        with monkeypatch.context() as patch:
            patch.setattr("nexus.eventbus.moving.copying._write", _fail_at("shelf"))
            with pytest.raises(ZeroDivisionError):
                moved.move.copy()

        moved.move.switch()

        assert len(moved.rows(moved.target, "shelf")) == 3

    def test_refuses_a_database_in_use(self, moved: Moved) -> None:
        tell(moved.new, lit())

        with pytest.raises(CannotMove, match="is in use"):
            moved.move.copy()

        assert moved.target.is_open()

    def test_refuses_itself(self, moved: Moved) -> None:
        moved.move._target = moved.source

        with pytest.raises(CannotMove, match="are the same"):
            moved.move.copy()

        assert moved.source.is_open()

    def test_refuses_what_was_begun_from_elsewhere(self, moved: Moved) -> None:
        moved.move.copy()
        moved.target.open()
        moved.sql(moved.target, "UPDATE moving.notes SET source = 'another'")

        with pytest.raises(CannotMove, match="was begun from another database"):
            moved.move.switch()

        assert moved.source.is_open()

    def test_refuses_other_tables(self, moved: Moved) -> None:
        moved.is_spoiled = True
        moved.sql(moved.source, "ALTER TABLE shelf ADD COLUMN more int")

        with pytest.raises(CannotMove, match="the tables differ: shelf"):
            moved.move.copy()

    def test_refuses_other_migrations(self, moved: Moved) -> None:
        moved.is_spoiled = True
        moved.sql(moved.source, "DELETE FROM django_migrations WHERE name = '0003_log_horizon'")

        with pytest.raises(CannotMove, match=r"the migrations differ: eventbus.0003_log_horizon"):
            moved.move.copy()

    def test_is_done_by_one_at_a_time(self, moved: Moved) -> None:
        with moved.move._alone(), pytest.raises(CannotMove, match="another process is moving"):
            moved.move.copy()


class TestSwitch:
    def test_brings_what_has_changed_since(self, moved: Moved) -> None:
        moved.fill()
        tell(moved.old, lit())
        moved.move.copy()
        moved.sql(moved.source, "UPDATE shelf SET pieces = 70 WHERE sku = '2'")
        moved.sql(moved.source, "INSERT INTO a_witness VALUES ('seen')")
        moved.sql(moved.source, IN, uuid7())
        tell(moved.old, lit())
        before = everything(moved, moved.source)

        moved.move.switch()

        assert everything(moved, moved.target) == before

    def test_brings_what_was_under_way(self, moved: Moved) -> None:
        with closing(moved.source.connect()) as slow:
            slow.execute("BEGIN")
            slow.execute("INSERT INTO shelf (sku, place_id) VALUES ('slow', 1)")
            moved.move.copy()
            slow.execute("COMMIT")

        moved.move.switch()

        assert "slow" in str(moved.rows(moved.target, "shelf"))

    def test_takes_away_what_is_gone(self, moved: Moved) -> None:
        moved.fill()
        moved.move.copy()
        moved.sql(moved.source, "DELETE FROM shelf WHERE sku = '1'")

        moved.move.switch()

        assert len(moved.rows(moved.target, "shelf")) == 2

    def test_bears_rows_that_were_made_anew_under_other_keys(self, moved: Moved) -> None:
        moved.fill()
        moved.move.copy()
        moved.sql(moved.source, "TRUNCATE shelf")
        moved.fill()

        moved.move.switch()

        assert [row[0] for row in moved.sql(moved.target, "SELECT id FROM shelf ORDER BY id")] == [4, 5, 6]

    def test_goes_on_counting(self, moved: Moved) -> None:
        moved.fill()

        moved.move.switch()

        moved.sql(moved.target, "INSERT INTO shelf (sku, place_id) VALUES ('next', 1)")
        assert moved.sql(moved.target, "SELECT id FROM shelf WHERE sku = 'next'") == [(4,)]

    def test_shuts_the_source_and_opens_the_target(self, moved: Moved) -> None:
        moved.move.switch()

        assert (moved.source.is_open(), moved.target.is_open()) == (False, True)
        with pytest.raises(CannotMove, match="not currently accepting connections"):
            moved.source.connect()

    def test_leaves_nobody_inside_who_could_write(self, moved: Moved) -> None:
        with closing(moved.source.connect()) as forgotten:
            forgotten.execute("BEGIN")
            forgotten.execute("INSERT INTO shelf (sku, place_id) VALUES ('too late', 1)")

            moved.move.switch()

            with pytest.raises(psycopg.OperationalError):
                forgotten.execute("COMMIT")
        assert moved.rows(moved.target, "shelf") == []

    def test_loses_nothing_of_whoever_writes_all_the_time(self, moved: Moved) -> None:
        written: list[UUID] = []

        def write() -> None:
            with closing(moved.source.connect()) as connection, suppress(psycopg.OperationalError):
                while True:
                    event = uuid7()
                    connection.execute(IN, [event])
                    written.append(event)

        writer = threading.Thread(target=write)
        writer.start()
        eventually(lambda: len(written) > 100)

        moved.move.copy()
        moved.move.switch()

        writer.join(20)
        kept = {row[0] for row in moved.sql(moved.target, "SELECT event_id FROM inbox")}
        assert set(written) <= kept
        # One may have been committed without its answer.
        assert len(kept) <= len(written) + 1

    def test_lets_the_next_in_though_the_server_has_not_noticed_its_end(
        self, moved: Moved, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with ExitStack() as until_the_end:

            def late(connection: Connection) -> AbstractContextManager[Connection]:
                if connection.info.dbname != MAINTENANCE:
                    return closing(connection)
                until_the_end.callback(connection.close)
                return nullcontext(connection)

            monkeypatch.setattr("nexus.eventbus.moving.move.closing", late)
            moved.move.copy()
            moved.move.switch()

        assert moved.target.is_open()

    def test_opens_the_source_again_when_it_fails(self, moved: Moved, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("nexus.eventbus.moving.move._set_sequences", lambda *_: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            moved.move.switch()

        assert (moved.source.is_open(), moved.target.is_open()) == (True, False)
        moved.fill()

    def test_leaves_both_shut_when_all_was_done_and_only_nobody_heard_of_it(
        self, moved: Moved, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        finish = moved.move._finish
        monkeypatch.setattr(moved.move, "_finish", lambda source, target: (finish(source, target), 1 / 0))

        with pytest.raises(ZeroDivisionError):
            moved.move.switch()

        assert (moved.source.is_open(), moved.target.is_open()) == (False, False)
        moved.move.switch()
        assert moved.target.is_open()

    def test_can_be_done_again(self, moved: Moved) -> None:
        moved.move.switch()
        moved.target.shut()  # as if it had died before the last thing it does

        moved.move.switch()

        assert (moved.source.is_open(), moved.target.is_open()) == (False, True)

    def test_goes_on_after_it_died_with_the_source_shut(self, moved: Moved) -> None:
        moved.fill()
        moved.move.copy()
        moved.source.shut()

        moved.move.switch()

        assert len(moved.rows(moved.target, "shelf")) == 3

    def test_does_not_copy_into_what_was_moved(self, moved: Moved) -> None:
        moved.move.switch()
        moved.source.open()

        with pytest.raises(CannotMove, match="has been moved to already"):
            moved.move.copy()

        assert moved.target.is_open()


def _fail_at(table: str) -> object:
    write = copying._write

    def fail(target: object, identifier: psycopg.sql.Identifier, *rest: object) -> None:
        write(target, identifier, *rest)  # type: ignore[arg-type]
        if table in identifier.as_string():
            raise ZeroDivisionError

    return fail
