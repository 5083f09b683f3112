"""The relay: nothing is passed over, nothing is taken as done that was not confirmed."""

import random
import threading
from collections.abc import Sequence
from contextlib import closing

import psycopg
import pytest
from django.db import connections, transaction
from msgspec.structs import replace

from nexus.contracts.base import uuid7
from nexus.eventbus import bus, relay
from nexus.eventbus.models import DeadLetter
from nexus.eventbus.registry import Member
from nexus.eventbus.relay import Relay
from nexus.eventbus.stores import postgres_reader
from nexus.eventbus.stores.postgres import PostgresStore
from nexus.eventbus.stores.postgres_reader import PostgresReader
from nexus.eventbus.wire import Record, record_of, runs
from tests.eventbus.conftest import DATABASE, DATABASES, Witness, broken, lit, tell
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


class Post:
    """Where a relay publishes to in these tests; fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.taken: list[Record] = []
        self.arrived = threading.Event()
        self.expected = 1

    def __call__(self, records: Sequence[Record]) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the line is dead")
        self.taken += records
        if len(self.taken) >= self.expected:
            self.arrived.set()


class Unreachable(PostgresStore):
    """A log that nobody can read; after so many tries, the relay is told to stop."""

    def __init__(self, stop: threading.Event, *, tries: int) -> None:
        super().__init__("nowhere")
        self.stop, self.tries = stop, tries

    def reader(self, consumer: str) -> PostgresReader:
        self.tries -= 1
        if self.tries == 0:
            self.stop.set()
        raise ConnectionError("away")


class TestRelay:
    def test_hands_on_everything_in_order(self, store: PostgresStore) -> None:
        told = [lit() for _ in range(1200)]
        tell(store, *told)
        post = Post()

        with Relay(store=store, consumer="test", publish=post).stepping() as step:
            counts = [step() for _ in range(4)]

        assert counts == [500, 500, 200, 0]
        assert [record.id for record in post.taken] == [envelope.id for envelope in told]

    def test_does_not_move_past_what_was_not_confirmed(self, store: PostgresStore) -> None:
        tell(store, lit())
        post = Post(failures=1)
        relay = Relay(store=store, consumer="test", publish=post)

        with pytest.raises(ConnectionError), relay.stepping() as step:
            step()
        with relay.stepping() as step:
            step()

        assert len(post.taken) == 1

    def test_gives_way_to_another_when_it_stands_still(
        self, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(postgres_reader, "FROZEN", 1)
        tell(store, lit())
        with closing(store.reader("test")) as frozen, closing(store.reader("test")) as another:
            assert frozen.acquire()
            batch = frozen.read(limit=10)
            assert not another.acquire()

            assert eventually(another.acquire)
            another.advance(another.read(limit=10))

            with pytest.raises(psycopg.OperationalError):
                frozen.advance(batch)

    def test_comes_back_after_failures_by_itself(self, store: PostgresStore) -> None:
        post, stop = Post(failures=3), threading.Event()
        tell(store, lit())
        thread = threading.Thread(target=Relay(store=store, consumer="test", publish=post).run, args=[stop])

        thread.start()

        assert post.arrived.wait(30)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()

    def test_lets_the_next_batch_gather_before_it_takes_it(self, store: PostgresStore) -> None:
        """While nobody waits for the clock here: the relay is asked to stop in the pause after its first batch."""

        class Stop(threading.Event):
            pauses: list[float | None] = []

            looks = 0

            def is_set(self) -> bool:
                self.looks += 1
                return super().is_set() or self.looks > 20

            def wait(self, timeout: float | None = None) -> bool:
                self.pauses.append(timeout)
                tell(store, lit(), lit())
                self.set()
                return True

        stop, post = Stop(), Post()
        tell(store, lit())
        Relay(store=store, consumer="test", publish=post).run(stop)

        assert stop.pauses == [relay.GATHERING]
        assert len(post.taken) == 1

    def test_waits_for_no_disk_to_note_where_it_stands(self, store: PostgresStore) -> None:
        with closing(store.reader("test")) as reader:
            assert reader.acquire()
            [setting] = reader._connection.execute("SHOW synchronous_commit").fetchone() or []

        assert setting == "off"

    def test_does_not_give_up_however_often_it_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(relay, "LONGEST_PAUSE", 0.0)
        stop = threading.Event()
        store = Unreachable(stop, tries=1100)

        Relay(store=store, consumer="test", publish=Post()).run(stop)

        assert store.tries == 0


class TestInProcessBus:
    def test_carries_everything_that_was_told(self, member: Member, witness: Witness, store: PostgresStore) -> None:
        told = [lit(), broken(), lit(), lit()]
        tell(store, *told)

        moved = bus.drain()

        assert moved == 4
        assert witness.seen == [envelope.id for envelope in told]

    def test_is_not_at_rest_while_a_transaction_holds_events_back(
        self, member: Member, witness: Witness, store: PostgresStore
    ) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def hold_open() -> None:
            with transaction.atomic(using=store.database):
                store.append([lit()])
                begun.set()
                go_on.wait(10)
            connections[store.database].close()

        holder = threading.Thread(target=hold_open)
        holder.start()
        begun.wait(10)
        told = lit()
        tell(store, told)
        threading.Timer(0.2, go_on.set).start()

        assert bus.drain() == 2
        assert told.id in witness.seen
        holder.join()

    def test_runs_of_one_type_stay_together(self, member: Member, witness: Witness, store: PostgresStore) -> None:
        tell(store, lit(), lit(), broken(), lit())

        bus.drain()

        assert witness.batches == [2, 1, 1]

    def test_carries_by_itself_when_started(self, member: Member, witness: Witness, store: PostgresStore) -> None:
        heard = threading.Event()
        witness.failure = lambda _: heard.set()
        carrier = bus.Carrier(bus.backend().relays())

        carrier.start()
        tell(store, lit())

        assert heard.wait(30)
        carrier.stop()


class TestWithinOneProcess:
    def test_hands_on_what_it_does_not_know_yet_of_what_it_hears(
        self, store: PostgresStore, member: Member, witness: Witness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        of_tomorrow, of_today = lit(), lit()
        with monkeypatch.context() as tomorrow:
            tomorrow.setattr(type(of_tomorrow.data), "type", "toys.lamp-lit.v9")
            tell(store, of_tomorrow)
        tell(store, of_today)

        bus.drain()

        assert witness.seen == [of_today.id]
        assert DeadLetter.objects.using(DATABASE).get().event_id == of_tomorrow.id


class TestRuns:
    def test_weigh_no_more_than_they_may_but_let_a_heavier_event_go_alone(self) -> None:
        records = [record_of(lit(brightness=10**digits)) for digits in (0, 0, 0, 17, 0)]
        light, heavy = len(records[0].data), len(records[3].data)
        assert heavy > light + 10

        grouped = [len(run) for _, run in runs(records, longest=500, largest=2 * light)]

        assert grouped == [2, 1, 1, 1]

    def test_are_few_and_keep_the_limit(self) -> None:
        records = [record_of(each) for each in [lit(), lit(), lit(), broken(), lit()]]

        grouped = list(runs(records, longest=2))

        assert [(kind.split(".")[1], len(run)) for kind, run in grouped] == [
            ("lamp-lit", 2),
            ("lamp-lit", 2),
            ("lamp-broken", 1),
        ]

    @pytest.mark.parametrize("seed", range(50))
    def test_keep_the_order_within_each_aggregate(self, seed: int) -> None:
        dice = random.Random(seed)
        subjects = [uuid7() for _ in range(4)]
        kinds = [lit(), broken(), lit()]
        records = [
            replace(record_of(dice.choice(kinds)), id=uuid7(), subject=str(dice.choice(subjects))) for _ in range(40)
        ]

        grouped = list(runs(records, longest=dice.randint(1, 20)))

        for subject in map(str, subjects):
            sent = [record.id for _, run in grouped for record in run if record.subject == subject]
            assert sent == [record.id for record in records if record.subject == subject]
        assert sorted(record.id for _, run in grouped for record in run) == sorted(record.id for record in records)
        assert all({record.type for record in run} == {kind} for kind, run in grouped)
