"""A batch that fails is taken apart, half by half, to the events at fault; what is not at fault takes effect."""

import pytest
from django.db import OperationalError

from nexus.contracts.base import uuid7
from nexus.eventbus.dead_letters import replay
from nexus.eventbus.delivery import TryLater, deliver
from nexus.eventbus.models import DeadLetter
from nexus.eventbus.registry import Member
from tests.eventbus.conftest import DATABASE, DATABASES, Witness, lit
from tests.eventbus.test_delivery import message

pytestmark = pytest.mark.django_db(databases=DATABASES)


class TestTakingApart:
    def test_a_failing_batch_is_taken_apart_to_the_one_at_fault(self, member: Member, witness: Witness) -> None:
        told = [lit(brightness=n) for n in range(6)]
        witness.failure = lambda envelope: ValueError("too bright") if envelope.data.brightness == 3 else None

        outcome = deliver(member=member, message=message(*told))

        assert (outcome.applied, outcome.buried) == (5, 1)
        assert witness.seen == [envelope.id for envelope in told if envelope.data.brightness != 3]
        letter = DeadLetter.objects.using(DATABASE).get()
        assert (letter.event_id, letter.error) == (told[3].id, "ValueError: too bright")

    def test_three_of_a_hundred_are_found_in_few_tries(self, member: Member, witness: Witness) -> None:
        told = [lit(brightness=n) for n in range(100)]
        witness.failure = lambda envelope: ValueError("no") if envelope.data.brightness in (0, 49, 99) else None

        outcome = deliver(member=member, message=message(*told))

        assert (outcome.applied, outcome.buried) == (97, 3)
        assert witness.seen == [each.id for each in told if each.data.brightness not in (0, 49, 99)]
        assert witness.calls < 45

    def test_a_batch_of_nothing_but_failures_costs_two_tries_each(self, member: Member, witness: Witness) -> None:
        witness.failure = lambda _: ValueError("no")

        outcome = deliver(member=member, message=message(*(lit() for _ in range(64))))

        assert (outcome.applied, outcome.buried, witness.calls) == (0, 64, 2 * 64 - 1)

    def test_a_batch_that_comes_again_passes_over_what_it_left_behind(self, member: Member, witness: Witness) -> None:
        told = [lit(brightness=n) for n in range(64)]
        witness.failure = lambda envelope: ValueError("no") if envelope.data.brightness < 32 else None
        deliver(member=member, message=message(*told))
        witness.calls = 0

        outcome = deliver(member=member, message=message(*told, lit(brightness=99)))

        assert (outcome.applied, outcome.duplicate, outcome.waiting, outcome.buried) == (1, 32, 32, 0)
        assert witness.calls == 2
        assert set(DeadLetter.objects.using(DATABASE).values_list("attempts", flat=True)) == {1}

    def test_what_was_left_behind_takes_effect_when_it_comes_again_and_is_mended(
        self, member: Member, witness: Witness
    ) -> None:
        told = [lit(), lit()]
        witness.failure = lambda envelope: ValueError("no") if envelope.id == told[0].id else None
        deliver(member=member, message=message(*told))
        witness.failure = lambda _: None

        outcome = deliver(member=member, message=message(*told))

        assert (outcome.applied, outcome.duplicate) == (1, 1)
        assert replay(DeadLetter.objects.using(DATABASE).all()) == (1, 0)
        assert witness.seen == [told[1].id, told[0].id]

    def test_later_events_of_an_aggregate_do_not_wait_for_one_at_fault(self, member: Member, witness: Witness) -> None:
        lamp = uuid7()
        told = [lit(lamp, sequence=n, brightness=n) for n in range(1, 6)]
        witness.failure = lambda envelope: ValueError("no") if envelope.sequence == 2 else None

        deliver(member=member, message=message(*told))

        assert witness.seen == [each.id for each in told if each.sequence != 2]

    def test_a_store_that_goes_away_while_a_batch_is_taken_apart_buries_nothing(
        self, member: Member, witness: Witness
    ) -> None:
        told = [lit() for _ in range(8)]
        failures = iter([ValueError("no"), OperationalError("gone")])
        witness.failure = lambda _: next(failures)

        with pytest.raises(TryLater):
            deliver(member=member, message=message(*told))

        assert not DeadLetter.objects.using(DATABASE).exists()
