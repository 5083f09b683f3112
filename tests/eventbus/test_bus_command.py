"""`manage.py bus`: how the bus stands, and giving out once more what was told or could not be handled."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

from nexus.eventbus import bus
from nexus.eventbus.registry import Member
from nexus.eventbus.stores.postgres import PostgresStore
from tests.eventbus.conftest import DATABASE, DATABASES, Witness, broken, lit, tell

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)
Said = Callable[..., list[str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs the command; the lines it says."""

    def run(*words: str) -> list[str]:
        call_command("bus", *words)
        return capsys.readouterr().out.splitlines()

    return run


def forget(*event_ids: UUID) -> None:
    """As if these events had never come."""
    with connections[DATABASE].cursor() as cursor:
        cursor.execute("DELETE FROM inbox WHERE event_id = ANY(%s)", [list(event_ids)])


class TestStatus:
    def test_counts_what_is_to_be_heard_and_what_is_buried(
        self, member: Member, witness: Witness, store: PostgresStore, said: Said
    ) -> None:
        bad = lit(brightness=13)
        witness.failure = lambda envelope: ValueError("no") if envelope.id == bad.id else None
        tell(store, lit(), bad)
        bus.drain()
        tell(store, lit(), lit(), lit())

        lines = said("status")

        assert lines[1].split() == ["toys", "3", "0", "0", "1"]
        assert lines[-1].startswith("toys: toys > inprocess toys at ")


class TestForget:
    def test_drops_a_position_and_no_other(self, member: Member, store: PostgresStore, said: Said) -> None:
        tell(store, lit())
        bus.drain()
        with connections[DATABASE].cursor() as cursor:
            cursor.execute("INSERT INTO relay_cursor VALUES ('toys > old', '3:x', now())")

        lines = said("forget", "toys > old")

        assert lines == ["the log of toys no longer knows toys > old"]
        assert [consumer for consumer, _, _ in store.cursors()] == ["toys > inprocess toys"]

    def test_knows_only_who_is_there(self, member: Member) -> None:
        with pytest.raises(CommandError, match="nobody called toys > old"):
            call_command("bus", "forget", "toys > old")


class TestSync:
    def test_has_nothing_to_say_where_there_is_no_broker(self, member: Member, said: Said) -> None:
        assert said("sync", "--prune") == ["everything is as the code says"]


class TestReplay:
    def test_gives_what_was_missed_and_nothing_twice(
        self, member: Member, witness: Witness, store: PostgresStore, said: Said
    ) -> None:
        told = [lit() for _ in range(5)]
        tell(store, *told)
        bus.drain()
        forget(told[1].id, told[3].id)

        lines = said("replay", "toys")

        assert lines[0].startswith("5 events given to toys once more")
        assert sorted(witness.seen) == sorted([*(each.id for each in told), told[1].id, told[3].id])

    def test_begins_behind_a_position(self, member: Member, witness: Witness, store: PostgresStore, said: Said) -> None:
        old, new = lit(), lit()
        tell(store, old)
        bus.drain()
        [(_, position, _)] = store.cursors()
        tell(store, new)
        bus.drain()
        forget(old.id, new.id)
        witness.seen.clear()

        said("replay", "toys", "--after", position)

        assert witness.seen == [new.id]

    def test_begins_at_a_time(self, member: Member, witness: Witness, store: PostgresStore, said: Said) -> None:
        tell(store, lit())
        bus.drain()
        soon = datetime.now(UTC) + timedelta(hours=1)

        assert said("replay", "toys", "--since", soon.isoformat())[0].startswith("0 events")
        assert said("replay", "toys", "--since", (soon - timedelta(hours=2)).isoformat())[0].startswith("1 events")

    def test_can_be_about_some_types_alone(self, member: Member, store: PostgresStore, said: Said) -> None:
        tell(store, lit(), broken(), lit())
        bus.drain()

        assert said("replay", "toys", "--types", "toys.lamp-broken.v1")[0].startswith("1 events")

    def test_keeps_the_pace(
        self, member: Member, store: PostgresStore, said: Said, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tell(store, *(lit() for _ in range(25)))
        bus.drain()
        pauses: list[float] = []
        monkeypatch.setattr("nexus.eventbus.management.commands.bus.sleep", pauses.append)
        monkeypatch.setattr("nexus.eventbus.management.commands.bus.monotonic", lambda: 0.0)

        said("replay", "toys", "--pace", "10")

        assert pauses == [1.0, 2.0, 2.5]

    @pytest.mark.parametrize("when", ["yesterday", "2026-11-25T10:00:00", "2026-99-01T00:00:00Z"])
    def test_refuses_what_is_no_time(self, member: Member, when: str) -> None:
        with pytest.raises(CommandError, match="--since"):
            call_command("bus", "replay", "toys", "--since", when)

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            (["nobody"], "no subscriber called nobody"),
            (["toys", "--types", "toys.lamp-eaten.v1"], "no event called toys.lamp-eaten.v1"),
            (["toys", "--after", "somewhere"], "somewhere is no position"),
            (["toys", "--pace", "-1"], "--pace"),
        ],
    )
    def test_refuses_what_does_not_exist(self, member: Member, words: list[str], complaint: str) -> None:
        with pytest.raises(CommandError, match=complaint):
            call_command("bus", "replay", *words)


class TestDead:
    def test_lists_what_waits_and_why(self, member: Member, witness: Witness, store: PostgresStore, said: Said) -> None:
        bad = self.bury(witness, store)

        [line] = said("dead", "toys")

        assert line.startswith(f"{bad} toys.lamp-lit.v1 ")
        assert line.endswith("attempts 1: ValueError: no")

    def test_replays_once_it_is_mended(
        self, member: Member, witness: Witness, store: PostgresStore, said: Said
    ) -> None:
        bad = self.bury(witness, store)

        still_bad = said("dead", "toys", "--replay", "--event", str(bad))
        witness.failure = lambda _: None
        mended = said("dead", "toys", "--replay")

        assert still_bad == [f"{bad} toys.lamp-lit.v1: failed again"]
        assert mended == [
            "0 messages back from what the broker had set aside",
            f"{bad} toys.lamp-lit.v1: done",
        ]
        assert witness.seen == [bad]
        assert said("dead", "toys") == []

    def test_stops_with_the_reason_when_a_store_is_away(
        self, member: Member, witness: Witness, store: PostgresStore
    ) -> None:
        self.bury(witness, store)
        witness.failure = lambda _: OperationalError("the database is away")

        with pytest.raises(CommandError, match="the database is away"):
            call_command("bus", "dead", "toys", "--replay")

    @staticmethod
    def bury(witness: Witness, store: PostgresStore) -> UUID:
        bad = lit()
        witness.failure = lambda _: ValueError("no")
        tell(store, bad)
        bus.drain()
        return bad.id
