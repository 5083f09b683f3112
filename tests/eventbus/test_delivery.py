"""Delivery: each event has its effect once, and one that cannot have it holds up no other."""

import random

import msgspec
import pymongo.errors
import pytest
import redis.exceptions
from django.db import InterfaceError, OperationalError

from nexus.contracts.base import EVENTS, Envelope, Event, uuid7
from nexus.eventbus import bus
from nexus.eventbus.dead_letters import replay
from nexus.eventbus.delivery import TryLater, deliver
from nexus.eventbus.models import DeadLetter, InboxEntry
from nexus.eventbus.registry import Member
from nexus.eventbus.stores.postgres import PostgresStore
from nexus.eventbus.wire import Undecodable, encode, record_of
from tests.eventbus.conftest import DATABASE, DATABASES, Witness, broken, lit, tell

pytestmark = pytest.mark.django_db(databases=DATABASES)

AWAY = [
    OperationalError,
    InterfaceError,
    pymongo.errors.AutoReconnect,
    pymongo.errors.ServerSelectionTimeoutError,
    pymongo.errors.ExecutionTimeout,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
]


def message(*envelopes: Envelope[Event]) -> bytes:
    return encode([record_of(envelope) for envelope in envelopes])


class TestOnce:
    def test_tripled_and_shuffled_deliveries_have_their_effect_once(self, member: Member, witness: Witness) -> None:
        told = [lit() for _ in range(40)]
        deliveries = told * 3
        random.Random(7).shuffle(deliveries)

        for start in range(0, len(deliveries), 9):
            deliver(member=member, message=message(*deliveries[start : start + 9]))

        assert sorted(witness.seen) == sorted(envelope.id for envelope in told)

    def test_without_the_inbox_the_same_deliveries_have_it_more_often(self, member: Member, witness: Witness) -> None:
        told = [lit() for _ in range(5)]

        for _ in range(3):
            deliver(member=member, message=message(*told))
            InboxEntry.objects.using(DATABASE).all().delete()

        assert len(witness.seen) == 15

    def test_effect_and_inbox_are_one_transaction(self, member: Member, witness: Witness) -> None:
        witness.failure = lambda _: ValueError("no")

        deliver(member=member, message=message(lit()))

        assert not InboxEntry.objects.using(DATABASE).exists()


class TestFailures:
    @pytest.mark.parametrize("away", AWAY, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
    def test_no_failure_of_the_world_around_buries_an_event(
        self, member: Member, witness: Witness, away: type[Exception]
    ) -> None:
        witness.failure = lambda _: away("gone")

        for told in ([lit()], [lit(), lit()], [broken()]):
            with pytest.raises(TryLater):
                deliver(member=member, message=message(*told))

        assert not DeadLetter.objects.using(DATABASE).exists()

    def test_an_error_that_no_store_could_keep_is_made_fit(self, member: Member, witness: Witness) -> None:
        witness.failure = lambda _: ValueError("a NUL \0 and " + "much " * 10_000)

        deliver(member=member, message=message(lit()))

        error = DeadLetter.objects.using(DATABASE).get().error
        assert error.startswith("ValueError: a NUL \N{REPLACEMENT CHARACTER} and much")
        assert len(error) == 10_000

    def test_a_dead_letter_can_be_replayed_once_it_is_mended(self, member: Member, witness: Witness) -> None:
        told = lit()
        witness.failure = lambda _: ValueError("no")
        deliver(member=member, message=message(told))
        witness.failure = lambda _: None

        done = [replay(DeadLetter.objects.using(DATABASE).all()) for _ in range(2)]

        assert done == [(1, 0), (1, 0)]
        assert witness.seen == [told.id]
        assert DeadLetter.objects.using(DATABASE).get().replayed_at

    def test_a_replay_that_fails_again_counts_the_attempt(self, member: Member, witness: Witness) -> None:
        witness.failure = lambda _: ValueError("still no")
        deliver(member=member, message=message(lit()))

        assert replay(DeadLetter.objects.using(DATABASE).all()) == (0, 1)

        assert DeadLetter.objects.using(DATABASE).get().attempts == 2

    def test_a_store_that_is_away_is_not_the_events_fault(self, member: Member, witness: Witness) -> None:
        witness.failure = lambda _: OperationalError("connection refused")

        with pytest.raises(TryLater):
            deliver(member=member, message=message(lit()))

        assert not DeadLetter.objects.using(DATABASE).exists()

    def test_nor_of_any_in_a_batch(self, member: Member, witness: Witness) -> None:
        witness.failure = lambda _: OperationalError("connection refused")

        with pytest.raises(TryLater):
            deliver(member=member, message=message(lit(), lit(), lit()))

        assert not DeadLetter.objects.using(DATABASE).exists()

    def test_an_event_that_fails_once_is_simply_tried_again(self, member: Member, witness: Witness) -> None:
        failures = iter([ValueError("hiccup"), None])
        witness.failure = lambda _: next(failures)

        outcome = deliver(member=member, message=message(broken()))

        assert (outcome.applied, outcome.buried) == (1, 0)


class TestReadingTolerantly:
    def test_unknown_fields_are_ignored(self, member: Member, witness: Witness) -> None:
        record = msgspec.json.decode(message(lit()))
        record[0]["data"]["colour"] = "green"
        record[0]["partitionkey"] = "x"

        outcome = deliver(member=member, message=msgspec.json.encode(record))

        assert outcome.applied == 1

    def test_data_that_does_not_fit_becomes_a_dead_letter(self, member: Member, witness: Witness) -> None:
        good, bad = lit(), msgspec.json.decode(message(lit()))[0]
        bad["data"] = {"lamp_id": "no uuid"}

        outcome = deliver(member=member, message=msgspec.json.encode([bad, *msgspec.json.decode(message(good))]))

        assert (outcome.applied, outcome.buried) == (1, 1)
        assert witness.seen == [good.id]

    def test_types_that_it_does_not_hear_are_ignored(self, member: Member) -> None:
        record = msgspec.json.decode(message(lit()))
        record[0]["type"] = "toys.never-heard-of.v1"

        assert deliver(member=member, message=msgspec.json.encode(record)).ignored == 1

    def test_a_version_it_does_not_know_yet_waits_and_takes_effect_after_the_upgrade(
        self, member: Member, witness: Witness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = msgspec.json.decode(message(lit()))
        record[0]["type"] = "toys.lamp-lit.v9"

        outcome = deliver(member=member, message=msgspec.json.encode(record))

        letter = DeadLetter.objects.using(DATABASE).get()
        assert (outcome.buried, letter.error) == (1, "Undecodable: unknown type toys.lamp-lit.v9")
        assert str(letter.event_id) == record[0]["id"]
        monkeypatch.setitem(EVENTS, "toys.lamp-lit.v9", EVENTS["toys.lamp-lit.v1"])
        monkeypatch.setitem(member.handlers, "toys.lamp-lit.v9", witness.hears_one)
        assert replay([letter]) == (1, 0)
        assert [str(each) for each in witness.seen] == [record[0]["id"]]

    def test_a_version_that_it_knows_and_does_not_hear_is_none_of_its_business(
        self, member: Member, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(EVENTS, "toys.lamp-lit.v2", EVENTS["toys.lamp-lit.v1"])
        record = msgspec.json.decode(message(lit()))
        record[0]["type"] = "toys.lamp-lit.v2"

        assert deliver(member=member, message=msgspec.json.encode(record)).ignored == 1

    def test_a_version_that_waits_does_not_hide_what_is_still_to_hear(
        self, member: Member, store: PostgresStore
    ) -> None:
        tell(store, lit())
        record = msgspec.json.decode(message(lit()))
        record[0]["type"] = "toys.lamp-lit.v9"

        deliver(member=member, message=msgspec.json.encode(record))

        assert bus.lag_of_subscribers() == {"toys": 1}

    @pytest.mark.parametrize("junk", [b"", b"{}", b"[1]", b"\x80\x04.", b'[{"id": "x"}]'])
    def test_what_is_no_list_of_events_is_said_to_be_none(self, member: Member, junk: bytes) -> None:
        with pytest.raises(Undecodable):
            deliver(member=member, message=junk)


def test_one_by_one_handlers_know_what_caused_them(member: Member, witness: Witness) -> None:
    from nexus.contracts.correlation import current_cause

    causes = []
    witness.failure = lambda _: causes.append(current_cause().causation_id)
    told = broken(uuid7())

    deliver(member=member, message=message(told))

    assert causes == [str(told.id)]
