"""After the switch, or instead of it: back to the old one, or never again; and the command for all of it."""

from io import StringIO

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from nexus.eventbus.moving.places import CannotMove
from nexus.eventbus.registry import members
from tests.eventbus.conftest import lit, tell
from tests.eventbus.moving.conftest import APP, SOURCE, Moved


class TestUndo:
    def test_goes_back_while_nothing_has_happened(self, moved: Moved) -> None:
        moved.move.switch()

        moved.move.undo()

        assert (moved.source.is_open(), moved.target.is_open()) == (True, False)
        moved.fill()
        moved.move.switch()
        assert len(moved.rows(moved.target, "shelf")) == 3

    def test_refuses_when_the_target_has_been_written_to(self, moved: Moved) -> None:
        moved.move.switch()
        tell(moved.new, lit())

        with pytest.raises(CannotMove, match=r"event_log of .* changed since"):
            moved.move.undo()

        assert (moved.source.is_open(), moved.target.is_open()) == (False, True)

    def test_opens_a_source_that_a_move_left_shut(self, moved: Moved) -> None:
        moved.move.copy()
        moved.source.shut()

        moved.move.undo()

        assert moved.source.is_open()


class TestRetire:
    def test_drops_the_source(self, moved: Moved) -> None:
        moved.is_spoiled = True
        moved.move.switch()

        moved.move.retire()

        with pytest.raises(CannotMove, match="there is no"):
            moved.source.is_open()

    def test_refuses_before_everything_is_moved(self, moved: Moved) -> None:
        moved.move.copy()
        moved.source.shut()

        with pytest.raises(CannotMove, match="nothing was moved"):
            moved.move.retire()

    def test_refuses_while_the_source_is_open(self, moved: Moved) -> None:
        moved.move.switch()
        moved.source.open()

        with pytest.raises(CannotMove, match="is in use"):
            moved.move.retire()


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def _inventory_is_the_source(self, moved: Moved, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(members[APP].store, "database", SOURCE)

    def address(self, moved: Moved) -> str:
        target = moved.target
        return f"postgresql://{target.user}@{target.host}:{target.port}/{target.name.removesuffix(f'_{APP}')}"

    def test_copies_switches_and_retires(self, moved: Moved) -> None:
        moved.is_spoiled = True
        said = StringIO()

        for step in ([], ["--switch"], ["--retire"]):
            call_command("move", APP, *step, to=self.address(moved), stdout=said)

        assert moved.target.is_open()
        assert "rows of" in said.getvalue()
        assert "nobody could write for" in said.getvalue()

    def test_finds_the_primary_among_the_nodes_of_either_server(
        self, moved: Moved, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        moved.is_spoiled = True
        moved.fill()
        several = f"{moved.target.host}:1,{moved.target.host}:{moved.target.port}"
        found = settings.DATABASES[SOURCE]
        monkeypatch.setitem(found, "HOST", f"{found['HOST']},{found['HOST']}")
        monkeypatch.setitem(found, "PORT", f"1,{found['PORT']}")
        monkeypatch.setitem(found, "OPTIONS", found["OPTIONS"] | {"target_session_attrs": "read-write"})

        for step in ([], ["--switch"], ["--undo"], ["--switch"], ["--retire"]):
            address = self.address(moved).replace(f"{moved.target.host}:{moved.target.port}", several)
            call_command("move", APP, *step, to=f"{address}?application_name=moving", stdout=StringIO())

        assert len(moved.rows(moved.target, "shelf")) == 3

    def test_says_why_not(self, moved: Moved) -> None:
        tell(moved.new, lit())

        with pytest.raises(CommandError, match="is in use"):
            call_command("move", APP, to=self.address(moved))

    @pytest.mark.parametrize("address", ["nexus", "mysql://a/b", "postgresql://a", "postgresql:///nexus"])
    def test_wants_an_address(self, address: str) -> None:
        with pytest.raises(CommandError, match="--to must look like"):
            call_command("move", APP, to=address)


class TestAShutDatabase:
    def test_can_be_written_to_by_nobody_who_slips_in(self, moved: Moved) -> None:
        moved.source.shut()
        moved.source._alter("ALLOW_CONNECTIONS true")
        url = f"host={moved.source.host} port={moved.source.port} user={moved.source.user} dbname={moved.source.name}"

        with psycopg.connect(url, autocommit=True) as stranger, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            stranger.execute("INSERT INTO a_witness VALUES ('lost')")
