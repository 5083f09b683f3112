"""What is committed had its effect, and no message blocks a partition."""

import os
import signal
import threading

import pytest
from django.db import OperationalError

from nexus.contracts.base import uuid7
from nexus.eventbus.backends import Depth, kafka
from nexus.eventbus.backends.kafka.workplace import DEATHS_ALLOWED, Casualties, Place, Workplace
from nexus.eventbus.registry import Member
from nexus.eventbus.wire import record_of
from tests.eventbus.conftest import DATABASES, Witness, lit
from tests.eventbus.kafka.toys import junk, messages_in, send, to, working
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


class TestSubscription:
    def test_sets_aside_what_is_no_event_with_the_reason_and_goes_on(
        self, namespace: str, member: Member, witness: Witness
    ) -> None:
        behind = lit()
        for value in (b"junk", b"", b"[]", b"\x80\x04."):
            junk(f"{namespace}.toys", value, key=behind.subject)
        send(f"{namespace}.toys", behind)

        with working(member):
            eventually(lambda: witness.seen == [behind.id])
            messages = messages_in(f"{namespace}.toys.dead", count=4)

        assert [message.value() or b"" for message in messages] == [b"junk", b"", b"[]", b"\x80\x04."]
        headers = dict(messages[0].headers())
        assert headers["nexus-topic"] == f"{namespace}.toys".encode()
        assert b"event" in headers["nexus-reason"]

    def test_ignores_types_that_it_has_never_heard_of(self, namespace: str, member: Member, witness: Witness) -> None:
        known = record_of(lit())
        unknown = record_of(lit())
        unknown.type = "toys.never-heard-of.v1"

        for record in (unknown, known):
            to(f"{namespace}.toys")([record])

        with working(member):
            eventually(lambda: witness.seen == [known.id])
            eventually(lambda: kafka.depths()["toys"] == Depth(waiting=0))

    def test_is_patient_while_a_store_is_away(self, namespace: str, member: Member, witness: Witness) -> None:
        failures = iter([OperationalError("away")] * 3)
        witness.failure = lambda _: next(failures, None)
        told = [lit() for _ in range(20)]
        send(f"{namespace}.toys", *told)

        with working(member):
            eventually(lambda: len(witness.seen) >= 20)
            eventually(lambda: kafka.depths()["toys"] == Depth())

        assert sorted(witness.seen) == sorted(each.id for each in told)

    def test_commits_nothing_that_had_no_effect(self, namespace: str, member: Member, witness: Witness) -> None:
        tried = threading.Event()

        def fail(_: object) -> Exception:
            tried.set()
            return OperationalError("away")

        witness.failure = fail
        told = lit()
        send(f"{namespace}.toys", told)

        with working(member):
            assert tried.wait(30)

        assert kafka.depths()["toys"] == Depth(waiting=1)
        witness.failure = lambda _: None
        with working(member):
            eventually(lambda: witness.seen == [told.id])

    def test_hands_out_replays_and_has_their_effect_once(
        self, namespace: str, member: Member, witness: Witness
    ) -> None:
        lamp = uuid7()
        told, later = lit(lamp), lit(lamp, sequence=2)
        send(f"{namespace}.toys", told)

        with working(member):
            eventually(lambda: witness.seen == [told.id])
            kafka.send_to("toys", [record_of(told), record_of(told), record_of(later)])
            eventually(lambda: later.id in witness.seen)

        assert witness.seen == [told.id, later.id]


class TestAMessageThatKills:
    def test_is_found_by_handing_out_one_at_a_time_and_then_set_aside(
        self, namespace: str, member: Member, witness: Witness
    ) -> None:
        lamp = uuid7()
        told = [lit(lamp, sequence=n) for n in range(4)]
        send(f"{namespace}.toys", *told)
        places = [Place.of(message) for message in messages_in(f"{namespace}.toys", count=4)]
        casualties = Casualties()
        casualties.add(places[2:3], alone=False)
        for _ in range(DEATHS_ALLOWED):
            casualties.add(places[1:2], alone=True)

        with working(member, casualties):
            eventually(lambda: len(witness.seen) == 3)
            eventually(lambda: kafka.depths()["toys"] == Depth(set_aside=1))

        assert witness.seen == [told[0].id, told[2].id, told[3].id]
        [dead] = messages_in(f"{namespace}.toys.dead", count=1)
        assert dict(dead.headers())["nexus-reason"] == b"3 workers died of it"

    def test_leaves_a_note_of_what_its_worker_had_in_hand(self, namespace: str) -> None:
        send(f"{namespace}.toys", lit())
        [message] = messages_in(f"{namespace}.toys", count=1)
        casualties = Casualties()
        place = Workplace(casualties)

        for _ in range(DEATHS_ALLOWED):
            place = Workplace(casualties)
            if os.fork() == 0:
                with place.busy_with([message]):
                    os.kill(os.getpid(), signal.SIGKILL)
            os.wait()
            place.close()

        assert casualties.proves(message)

    def test_leaves_none_once_it_is_done(self, namespace: str) -> None:
        send(f"{namespace}.toys", lit())
        [message] = messages_in(f"{namespace}.toys", count=1)
        place = Workplace(Casualties())

        with place.busy_with([message]):
            pass
        place.close()

        assert not place.casualties.includes([message])
