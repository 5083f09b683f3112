"""The log: append-only, ordered within a stream, and read so that no late commit is ever skipped."""

import threading
from contextlib import closing
from uuid import UUID

import pytest
from django.db import IntegrityError, connections, transaction

from nexus.contracts.base import Envelope, Event, uuid7
from nexus.eventbus.models import EventRecord
from nexus.eventbus.stores.base import ConcurrentChange
from nexus.eventbus.stores.postgres import HISTORY, PostgresStore
from nexus.eventbus.stores.postgres_reader import READ
from nexus.eventbus.wire import envelope_of, record_of
from tests.eventbus.conftest import DATABASE, DATABASES, lit, tell
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


class TestAppend:
    def test_gives_back_what_was_told(self, store: PostgresStore) -> None:
        told = lit(brightness=7)
        tell(store, told)

        assert [envelope_of(record) for record in store.stream(told.subject)] == [told]

    def test_keeps_versions_of_a_stream_apart(self, store: PostgresStore) -> None:
        lamp = uuid7()
        tell(store, lit(lamp, sequence=1))

        with pytest.raises(ConcurrentChange):
            tell(store, lit(lamp, sequence=1))

        assert len(store.stream(str(lamp))) == 1

    def test_leaves_nothing_when_the_change_is_rolled_back(self, store: PostgresStore) -> None:
        told = lit()

        with transaction.atomic(using=DATABASE):
            store.append([told])
            transaction.set_rollback(True, using=DATABASE)

        assert store.stream(told.subject) == []

    @pytest.mark.parametrize("tamper", [EventRecord.objects.none().update, EventRecord.objects.none().delete])
    def test_cannot_be_taken_back(self, store: PostgresStore, tamper: object) -> None:
        told = lit()
        tell(store, told)
        records = EventRecord.objects.using(DATABASE).filter(id=told.id)

        with pytest.raises(IntegrityError, match="append-only"):
            records.update(type="lies") if tamper.__name__ == "update" else records.delete()


def tell_in(xid: int, envelope: Envelope[Event]) -> None:
    """As if the transaction of that number had told it."""
    record = record_of(envelope)
    row = [record.id, str(xid), record.type, record.subject, record.sequence, record.time, bytes(record.data).decode()]
    with connections[DATABASE].cursor() as cursor:
        cursor.execute(
            "INSERT INTO event_log (id, xid, type, subject, sequence, time, data) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            row,
        )


HISTORY_OF_ALL = HISTORY % ("'0'", f"'{uuid7()}'", "'99'", "NULL", "NULL", f"'{uuid7()}'", "500")


class TestReading:
    def test_waits_for_the_transaction_that_commits_late(self, store: PostgresStore) -> None:
        late, younger = lit(), [lit() for _ in range(3)]
        begun, go_on = threading.Event(), threading.Event()

        def commit_late() -> None:
            with transaction.atomic(using=DATABASE):
                store.append([late])
                begun.set()
                go_on.wait(10)
            connections[DATABASE].close()

        holder = threading.Thread(target=commit_late)
        holder.start()
        begun.wait(10)
        with closing(store.reader("test")) as reader:
            assert reader.acquire()
            for envelope in younger:
                tell(store, envelope)

            early = reader.read(limit=10)
            go_on.set()
            holder.join()
            reader.advance(early)
            all_of_it = reader.read(limit=10)

        assert (list(early.records), early.pending) == ([], True)
        assert [record.id for record in all_of_it.records] == [late.id, *(each.id for each in younger)]

    def test_goes_on_where_it_was_left(self, store: PostgresStore) -> None:
        told = [lit() for _ in range(5)]
        for envelope in told:
            tell(store, envelope)

        seen = []
        for _ in range(3):
            with closing(store.reader("test")) as reader:
                reader.acquire()
                batch = reader.read(limit=2)
                reader.advance(batch)
                seen += [record.id for record in batch.records]

        assert seen == [envelope.id for envelope in told]

    def test_counts_transactions_and_does_not_spell_them(self, store: PostgresStore) -> None:
        """Where their numbers gain a digit, the order of their letters is another: "10" comes before "9"."""
        told = {xid: lit() for xid in (9, 10, 99, 100)}
        for xid, envelope in sorted(told.items(), reverse=True):
            tell_in(xid, envelope)

        batches = list(store.history(None, size=2))
        with closing(store.reader("test")) as reader:
            reader.acquire()
            first = reader.read(limit=2)
            reader.advance(first)
            second = reader.read(limit=2)

        in_order = [envelope.id for envelope in told.values()]
        assert [record.id for batch in batches for record in batch.records] == in_order
        assert [record.id for record in [*first.records, *second.records]] == in_order

    @pytest.mark.parametrize(
        "statement", [READ % ("'0'", f"'{uuid7()}'", "500"), HISTORY_OF_ALL], ids=["read", "history"]
    )
    def test_takes_from_the_index_what_it_wants_and_sorts_nothing(self, store: PostgresStore, statement: str) -> None:
        """However long the log is: otherwise each batch would read all that is behind it."""
        with connections[DATABASE].cursor() as cursor:
            cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {statement}")
            plan = " ".join(line for [line] in cursor.fetchall())
            cursor.execute("RESET enable_seqscan; RESET enable_bitmapscan")

        assert "Sort" not in plan
        assert "event_log_pkey" in plan

    def test_begins_anew_for_every_consumer(self, store: PostgresStore) -> None:
        tell(store, lit())

        counts = []
        for consumer in ("one", "two"):
            with closing(store.reader(consumer)) as reader:
                reader.acquire()
                batch = reader.read(limit=10)
                reader.advance(batch)
                counts.append(len(batch.records))

        assert counts == [1, 1]

    def test_lets_only_one_at_a_time_follow_for_a_consumer(self, store: PostgresStore) -> None:
        with closing(store.reader("test")) as active, closing(store.reader("test")) as standby:
            assert (active.acquire(), standby.acquire()) == (True, False)
            active.close()

            assert eventually(standby.acquire)

    def test_is_woken_by_an_append(self, store: PostgresStore) -> None:
        with closing(store.reader("test")) as reader:
            reader.acquire()
            told = threading.Timer(0.05, lambda: (tell(store, lit()), connections[DATABASE].close()))
            told.start()

            reader.wait(timeout=60)

            assert len(reader.read(limit=10).records) == 1
            told.join()


class TestInheritingAPosition:
    def stand_at(self, store: PostgresStore, consumer: str, *, after: int) -> None:
        with closing(store.reader(consumer)) as reader:
            reader.acquire()
            reader.advance(reader.read(limit=after))

    def read_by(self, store: PostgresStore, consumer: str) -> list[UUID]:
        with closing(store.reader(consumer)) as reader:
            reader.acquire()
            return [record.id for record in reader.read(limit=10).records]

    def test_begins_at_the_one_furthest_behind(self, store: PostgresStore) -> None:
        told = [lit() for _ in range(12)]
        for envelope in told:
            tell(store, envelope)
        self.stand_at(store, "far", after=11)
        self.stand_at(store, "behind", after=9)

        inherited = store.inherit_position("new", of=["far", "behind"])

        assert inherited
        assert self.read_by(store, "new") == [envelope.id for envelope in told[9:]]

    def test_does_nothing_to_one_that_has_begun(self, store: PostgresStore) -> None:
        told = sorted((lit() for _ in range(3)), key=lambda each: each.id)
        tell(store, *told)
        self.stand_at(store, "far", after=2)
        self.stand_at(store, "begun", after=1)

        assert not store.inherit_position("begun", of=["far"])
        assert self.read_by(store, "begun") == [envelope.id for envelope in told[1:]]

    @pytest.mark.parametrize("others", [[], ["never begun"], ["far", "never begun"]])
    def test_begins_at_the_beginning_when_another_has_not_begun(self, store: PostgresStore, others: list[str]) -> None:
        tell(store, lit(), lit())
        self.stand_at(store, "far", after=2)

        assert not store.inherit_position("new", of=others)
        assert len(self.read_by(store, "new")) == 2
