"""`manage.py doctor`: each illness is noticed, named, and comes with what to do."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.utils import OperationalError
from kombu import Connection

from nexus.eventbus import bus
from nexus.eventbus.backends import celery
from nexus.eventbus.backends.celery.publisher import Publisher
from nexus.eventbus.doctor import Diagnosis, State, examine
from nexus.eventbus.registry import Gauge, Member
from nexus.eventbus.stores.postgres import PostgresStore
from nexus.eventbus.wire import record_of
from tests.eventbus.conftest import DATABASE, DATABASES, Witness, lit, tell
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)
NOWHERE = "amqp://guest:guest@127.0.0.1:1//"
NEWEST = "SELECT max(id) FROM django_migrations"


def ill() -> dict[str, Diagnosis]:
    """Whatever is not well, by part, but for what a demo may be."""
    found = {each.part: each for each in examine() if each.state is not State.WELL and "demo" not in each.seen}
    assert all(each.advice for each in found.values())
    return found


@pytest.fixture
def over_rabbitmq(channel: object, monkeypatch: pytest.MonkeyPatch) -> str:
    """The bus on a real broker, the toys' queue declared; its namespace."""
    there = settings.EVENT_BUS | {"BACKEND": "nexus.eventbus.backends.celery"}
    monkeypatch.setattr(settings, "EVENT_BUS", there)
    return str(there["NAMESPACE"])


class TestAWellShop:
    def test_is_said_to_be_well_part_by_part(
        self, member: Member, store: PostgresStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tell(store, lit())
        bus.drain()

        call_command("doctor")

        said = capsys.readouterr().out
        assert ill() == {}
        assert "well    Redis: answers in" in said
        assert "well    log of toys: nothing waits for long (1 followers)" in said
        assert said.count("every migration applied") == len(DATABASES)

    def test_has_its_queues_over_rabbitmq(self, over_rabbitmq: str) -> None:
        assert ill() == {}
        assert "answers, and has queues for toys" in {each.seen for each in examine()}


class TestIllnesses:
    def test_old_events(self, member: Member, store: PostgresStore) -> None:
        tell(store, lit())
        bus.drain()
        event = lit()
        tell(store, replace(event, time=event.time - timedelta(minutes=2)))

        found = ill()["log of toys"]

        assert found.state is State.BROKEN
        assert found.seen.startswith("1 events wait for toys > inprocess toys, the oldest for 12")
        assert "web process" in found.advice

    def test_dead_letters(self, member: Member, witness: Witness, store: PostgresStore) -> None:
        witness.failure = lambda _: ValueError("no")
        tell(store, lit())
        bus.drain()

        assert ill()["dead letters of toys"].seen == "1 events could not be handled"

    def test_a_figure_that_should_be_zero(self, member: Member) -> None:
        gauge = Gauge(name="toys_stuck", meaning="Toys that stand still", read=lambda: 3)
        object.__setattr__(member, "gauges", [gauge])

        assert ill()["toys_stuck"].seen == "Toys that stand still: 3"

    def test_a_store_that_does_not_answer(self, member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise OperationalError("connection refused\nmore")

        monkeypatch.setattr(member.store, "backlog", fail)

        assert ill()["store of toys"].seen == "does not answer: OperationalError: connection refused"

    def test_a_migration_that_was_not_applied(self, member: Member) -> None:
        with connections[DATABASE].cursor() as cursor:
            cursor.execute(f"DELETE FROM django_migrations WHERE id = ({NEWEST}) RETURNING *")
            [row] = cursor.fetchall()
            try:
                [found] = ill().values()
            finally:
                cursor.execute("INSERT INTO django_migrations VALUES (%s, %s, %s, %s)", row)

        assert (found.state, found.advice) == (State.BROKEN, "Run `manage.py prepare`.")
        assert found.seen == f"1 migrations are not applied: {row[1]}.{row[2]}"

    @pytest.mark.parametrize(("demo", "state"), [(True, State.POORLY), (False, State.BROKEN)])
    def test_a_database_that_forgets_in_a_power_cut(
        self, member: Member, settings: object, demo: bool, state: State
    ) -> None:
        """The tests' own engine is such a one."""
        settings.DEMO = demo  # type: ignore[attr-defined]

        found = [each for each in examine() if "synchronous_commit" in each.seen]

        assert [each.state for each in found] == [state] * len(DATABASES)
        assert found[0].seen.startswith("fsync, full_page_writes, synchronous_commit switched off")

    def test_a_database_that_is_not_there(self, member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
        connections[DATABASE].close()
        connections[DATABASE].close_pool()
        monkeypatch.setitem(connections[DATABASE].settings_dict, "PORT", "1")
        try:
            found = ill()
        finally:
            monkeypatch.undo()
            connections[DATABASE].close()
            connections[DATABASE].close_pool()

        assert found[f"database {connections[DATABASE].settings_dict['NAME']}"].state is State.BROKEN

    def test_redis_that_is_not_there(self, member: Member, settings: object) -> None:
        settings.CACHES = {  # type: ignore[attr-defined]
            "default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
        }

        found = ill()["Redis"]

        assert (found.state, found.seen[:15]) == (State.POORLY, "does not answer")

    def test_a_broker_that_is_not_there(self, over_rabbitmq: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(settings, "EVENT_BUS", settings.EVENT_BUS | {"BROKER_URL": NOWHERE})

        assert ill()["broker"].state is State.POORLY

    def test_messages_that_nobody_could_read(self, over_rabbitmq: str) -> None:
        Publisher()([record_of(lit())])
        with Connection(settings.EVENT_BUS["BROKER_URL"]) as connection:
            channel = connection.channel()
            channel.basic_reject(channel.basic_get(f"{over_rabbitmq}.toys").delivery_tag, requeue=False)
            eventually(lambda: celery.depths()["toys"].set_aside == 1)

        found = ill()["queue of toys"]

        assert found.seen == "1 messages set aside, which no worker could read or survived"
        assert "manage.py bus dead toys" in found.advice

    def test_a_queue_that_nobody_empties(self, over_rabbitmq: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("nexus.eventbus.doctor.engines.MANY", 1)
        for _ in range(2):
            Publisher()([record_of(lit())])
        eventually(lambda: celery.depths()["toys"].waiting == 2)

        assert ill()["queue of toys"].advice.startswith("Does `manage.py worker toys` run?")

    def test_debugging_where_customers_are(self, member: Member, settings: object) -> None:
        settings.DEBUG = True  # type: ignore[attr-defined]

        assert ill()["settings"].state is State.BROKEN


class TestTheCommand:
    def test_fails_when_something_is_broken_and_tells_programs(
        self, member: Member, witness: Witness, store: PostgresStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        witness.failure = lambda _: ValueError("no")
        tell(store, lit())
        bus.drain()

        with pytest.raises(SystemExit):
            call_command("doctor", "--json")

        told = {each["part"]: each for each in json.loads(capsys.readouterr().out)}
        assert told["dead letters of toys"]["state"] == "broken"
        assert told["Redis"] | {"seen": ""} == {"part": "Redis", "state": "well", "seen": "", "advice": ""}
