"""Readers of a log are woken only when they sleep: NOTIFY makes commits wait for each other."""

import threading
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from django.db import connections, transaction

from nexus.eventbus.stores.postgres import PostgresStore
from nexus.eventbus.stores.postgres_reader import SLEEPERS, SLOTS, PostgresReader
from nexus.eventbus.stores.postgres_rows import connect
from tests.eventbus.conftest import DATABASE, DATABASES, lit, tell
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)
FOR_EVER = 60.0


@pytest.fixture
def listening() -> Iterator[psycopg.Connection[object]]:
    """A connection that hears what is notified."""
    with closing(connect(DATABASE)) as connection:
        connection.execute("LISTEN event_log")
        yield connection


@pytest.fixture
def reader(store: PostgresStore) -> Iterator[PostgresReader]:
    with closing(PostgresReader(DATABASE, "test")) as reader:
        assert reader.acquire()
        yield reader


def asleep() -> int:
    """How many readers sleep."""
    with connections[DATABASE].cursor() as cursor:
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND mode = 'ExclusiveLock'"
        cursor.execute(
            f"{held} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", [SLEEPERS]
        )
        found: int = cursor.fetchone()[0]
    return found


def heard(connection: psycopg.Connection[object]) -> int:
    """How many notifications came with what was committed so far."""
    connection.execute("SELECT")
    return len(list(connection.notifies(timeout=0)))


class TestAppending:
    def test_notifies_nobody_while_all_are_awake(
        self, store: PostgresStore, listening: psycopg.Connection[object]
    ) -> None:
        tell(store, lit())

        assert heard(listening) == 0

    @pytest.mark.parametrize("slot", [0, SLOTS - 1])
    def test_notifies_when_anybody_sleeps(
        self, store: PostgresStore, listening: psycopg.Connection[object], slot: int
    ) -> None:
        with closing(connect(DATABASE)) as sleeper:
            sleeper.execute("SELECT pg_advisory_lock(%s, %s)", [SLEEPERS, slot])
            tell(store, lit())

        assert heard(listening) == 1


class TestAReader:
    def test_that_sleeps_is_woken_by_an_append(self, store: PostgresStore, reader: PostgresReader) -> None:
        woken = threading.Thread(target=reader.wait, args=[FOR_EVER])
        woken.start()
        eventually(lambda: asleep() == 1)

        tell(store, lit())

        woken.join(FOR_EVER / 2)
        assert not woken.is_alive()
        assert asleep() == 0

    def test_does_not_fall_asleep_while_somebody_is_appending(
        self, store: PostgresStore, reader: PostgresReader
    ) -> None:
        with transaction.atomic(using=DATABASE):
            store.append([lit()])
            waiting = threading.Thread(target=reader.wait, args=[FOR_EVER])
            waiting.start()

            waiting.join(FOR_EVER / 2)

            assert not waiting.is_alive()

    def test_sees_what_came_before_it_fell_asleep(self, store: PostgresStore, reader: PostgresReader) -> None:
        tell(store, lit())
        waiting = threading.Thread(target=reader.wait, args=[FOR_EVER])
        waiting.start()

        waiting.join(FOR_EVER / 2)

        assert not waiting.is_alive()

    def test_stays_awake_for_a_moment_after_it_found_something(
        self, store: PostgresStore, reader: PostgresReader
    ) -> None:
        tell(store, lit())
        reader.advance(reader.read(limit=10))
        waiting = threading.Thread(target=reader.wait, args=[FOR_EVER])
        waiting.start()

        waiting.join(FOR_EVER / 2)

        assert not waiting.is_alive()

    def test_nine_at_once_are_one_too_many_and_that_one_looks_again_and_again(self, store: PostgresStore) -> None:
        with closing(connect(DATABASE)) as others, closing(PostgresReader(DATABASE, "ninth")) as ninth:
            for slot in range(SLOTS):
                others.execute("SELECT pg_advisory_lock(%s, %s)", [SLEEPERS, slot])
            assert ninth.acquire()
            waiting = threading.Thread(target=ninth.wait, args=[FOR_EVER])
            waiting.start()

            waiting.join(FOR_EVER / 2)

            assert not waiting.is_alive()
