"""The relay: nothing is passed over, nothing is taken as done that was not confirmed."""

import threading
from collections.abc import Sequence

import pytest
from django.core.management import call_command
from django.db import connections, transaction

from nexus.eventbus import bus
from nexus.eventbus.registry import Member
from nexus.eventbus.relay import Relay
from nexus.eventbus.stores.postgres import PostgresStore
from nexus.eventbus.wire import Record, runs
from tests.eventbus.conftest import DATABASES, Witness, broken, lit, tell

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

    def test_comes_back_after_failures_by_itself(self, store: PostgresStore) -> None:
        post, stop = Post(failures=3), threading.Event()
        tell(store, lit())
        thread = threading.Thread(target=Relay(store=store, consumer="test", publish=post).run, args=[stop])

        thread.start()

        assert post.arrived.wait(30)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


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


class TestStatus:
    def test_counts_what_is_to_be_heard_and_what_is_buried(
        self, member: Member, witness: Witness, store: PostgresStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bad = lit(brightness=13)
        witness.failure = lambda envelope: ValueError("no") if envelope.id == bad.id else None
        tell(store, lit(), bad)
        bus.drain()
        tell(store, lit(), lit(), lit())

        call_command("bus", "status")

        assert capsys.readouterr().out.splitlines()[-1].split() == ["toys", "3", "1"]


class TestRuns:
    def test_keep_the_order_and_the_limit(self) -> None:
        from nexus.eventbus.wire import record_of

        records = [record_of(each) for each in [lit(), lit(), lit(), broken(), lit()]]

        grouped = list(runs(records, longest=2))

        assert [(kind.split(".")[1], len(run)) for kind, run in grouped] == [
            ("lamp-lit", 2),
            ("lamp-lit", 1),
            ("lamp-broken", 1),
            ("lamp-lit", 1),
        ]
        assert [record for _, run in grouped for record in run] == records
