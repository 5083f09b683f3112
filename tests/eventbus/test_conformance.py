"""What any transport must do: relays and workers as processes over each of the three, none of which has its own way."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import pytest
from kombu import Connection

from nexus.contracts.base import Envelope, enclose, uuid7
from nexus.eventbus.wire import record_of
from tests.eventbus.bells.apps import SUBSCRIBERS
from tests.eventbus.bells.facts import BellCast, BellEvent, BellMuffled, BellRung
from tests.eventbus.fleet import Fleet
from tests.kafka import private_kafka
from tests.rabbitmq import some_rabbitmq

FIRST = enclose(BellRung(bell_id=uuid7()), sequence=1)


@contextmanager
def inprocess() -> Iterator[dict[str, str]]:
    yield {}


@contextmanager
def celery() -> Iterator[dict[str, str]]:
    with some_rabbitmq() as url:
        yield {"NEXUS_BROKER_URL": url}


@contextmanager
def kafka() -> Iterator[dict[str, str]]:
    with private_kafka() as broker:
        yield {"NEXUS_KAFKA_SERVERS": broker.servers}


TRANSPORTS = [inprocess, celery, kafka]


def named(transport: Callable[[], object]) -> str:
    return transport.__name__


@pytest.fixture(scope="module", params=TRANSPORTS, ids=named)
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    transport = request.param
    with transport() as addresses:
        fleet = Fleet(transport.__name__, tmp_path_factory.mktemp("fleet"), addresses)
        try:
            fleet.come_up(FIRST)
            yield fleet
        finally:
            fleet.go_down()
            if transport is celery:
                remove_queues(addresses["NEXUS_BROKER_URL"], fleet.name)


def remove_queues(url: str, namespace: str) -> None:
    with Connection(url) as connection:
        for subscriber in SUBSCRIBERS:
            for queue in (f"{namespace}.{subscriber}", f"{namespace}.{subscriber}.dead"):
                connection.default_channel.queue_delete(queue)
        for exchange in (f"{namespace}.events", f"{namespace}.dead"):
            connection.default_channel.exchange_delete(exchange)


def rung(bell_id: UUID | None = None, *, sequence: int = 1, trick: str = "", padding: str = "") -> Envelope[BellRung]:
    return enclose(BellRung(bell_id=bell_id or uuid7(), trick=trick, padding=padding), sequence=sequence)


def ids(told: Sequence[Envelope[BellEvent]]) -> list[UUID]:
    return [envelope.id for envelope in told]


def story_of(*, bells: int, steps: int) -> list[list[Envelope[BellEvent]]]:
    """What happens to so many bells, step by step, each time to all of them."""
    bell_ids = [uuid7() for _ in range(bells)]
    kinds = (BellRung, BellMuffled, BellRung, BellRung, BellMuffled)
    return [[enclose(kinds[n % 5](bell_id=bell_id), sequence=n + 1) for bell_id in bell_ids] for n in range(steps)]


def assert_in_order(heard: list[UUID], steps: list[list[Envelope[BellEvent]]]) -> None:
    for of_one in zip(*steps, strict=True):
        wanted = ids(of_one)
        assert [each for each in heard if each in wanted] == wanted


def heard_by_all(fleet: Fleet, told: Sequence[Envelope[BellEvent]]) -> bool:
    return all(len(fleet.heard(subscriber, told)) >= len(told) for subscriber in SUBSCRIBERS)


class TestATransport:
    def test_does_not_move_past_what_nobody_took_and_brings_it_later(self, fleet: Fleet) -> None:
        fleet.wait(lambda: heard_by_all(fleet, [FIRST]))

        assert fleet.refused_position == []
        assert fleet.position() != []

    def test_brings_every_event_to_each_subscriber_once(self, fleet: Fleet) -> None:
        told = [rung() for _ in range(600)]

        for start in range(0, 600, 50):
            fleet.tell(*told[start : start + 50])

        fleet.wait(lambda: heard_by_all(fleet, told))
        for subscriber in SUBSCRIBERS:
            assert sorted(fleet.heard(subscriber, told)) == sorted(ids(told))

    def test_keeps_the_order_of_each_aggregate(self, fleet: Fleet) -> None:
        steps = story_of(bells=12, steps=20)

        for step in steps:
            fleet.tell(*step)

        told = [envelope for step in steps for envelope in step]
        fleet.wait(lambda: heard_by_all(fleet, told))
        for subscriber in SUBSCRIBERS:
            assert_in_order(fleet.heard(subscriber, told), steps)

    def test_buries_what_one_subscriber_cannot_handle_and_holds_up_nobody(self, fleet: Fleet) -> None:
        bell_id = uuid7()
        told = [rung(bell_id, sequence=n, trick="anna cannot" if n == 2 else "") for n in (1, 2, 3)]

        fleet.tell(*told)

        first, poison, last = told
        fleet.wait(lambda: len(fleet.heard("ben", told)) == 3 and fleet.heard("anna", [last]))
        assert fleet.heard("anna", told) == ids([first, last])
        letters = "SELECT event_id, error FROM dead_letter WHERE subscriber = 'anna'"
        assert fleet.sql("anna", letters) == [(poison.id, "ValueError: cannot hear this")]
        assert fleet.sql("ben", "SELECT 1 FROM dead_letter") == []

    def test_has_one_effect_when_the_consumer_is_killed_before_it_can_say_so(self, fleet: Fleet) -> None:
        bell_id = uuid7()
        told = [rung(bell_id, trick="anna dies when it is done"), rung(bell_id, sequence=2)]

        fleet.tell(told[0])
        fleet.wait(lambda: heard_by_all(fleet, told[:1]))
        fleet.tell(told[1])

        # The second is behind the first, which comes again.
        fleet.wait(lambda: heard_by_all(fleet, told))
        assert fleet.heard("anna", told) == fleet.heard("ben", told) == ids(told)

    def test_lets_go_what_nobody_hears(self, fleet: Fleet) -> None:
        bell_id = uuid7()
        behind = rung(bell_id, sequence=2)

        fleet.tell(enclose(BellCast(bell_id=bell_id), sequence=1), behind)

        fleet.wait(lambda: heard_by_all(fleet, [behind]))

    def test_carries_a_megabyte(self, fleet: Fleet) -> None:
        told = [rung(padding="n" * 2**20), rung()]

        fleet.tell(*told)

        fleet.wait(lambda: heard_by_all(fleet, told))

    def test_brings_what_a_subscriber_missed_while_it_was_away_in_its_order(self, fleet: Fleet) -> None:
        fleet.send_away("ben")
        steps = story_of(bells=12, steps=20)
        told = [envelope for step in steps for envelope in step]
        for step in steps:
            fleet.tell(*step)
        fleet.wait(lambda: len(fleet.heard("anna", told)) == len(told))
        missed = fleet.heard("ben", told)

        fleet.bring_back("ben")

        fleet.wait(lambda: heard_by_all(fleet, told))
        assert missed == []
        assert_in_order(fleet.heard("ben", told), steps)

    def test_hands_one_subscriber_past_events_again_without_a_second_effect(self, fleet: Fleet) -> None:
        bell_id = uuid7()
        told, only_again = rung(bell_id), rung(bell_id, sequence=2)
        unknown = record_of(rung(bell_id, sequence=3))
        unknown.type = "bells.bell-melted.v1"
        fleet.tell(told)
        fleet.wait(lambda: heard_by_all(fleet, [told]))

        fleet.send_to("anna", unknown, *map(record_of, (told, told, only_again)))

        fleet.wait(lambda: fleet.heard("anna", [only_again]))
        assert fleet.heard("anna", [told, only_again]) == ids([told, only_again])
        assert fleet.heard("ben", [told, only_again]) == ids([told])

    def test_has_done_nothing_twice(self, fleet: Fleet) -> None:
        doubled = "SELECT event_id FROM effect GROUP BY 1 HAVING count(*) > 1"

        assert [fleet.sql(subscriber, doubled) for subscriber in SUBSCRIBERS] == [[], []]
