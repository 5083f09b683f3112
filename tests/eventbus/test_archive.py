"""`manage.py archive`: every settled event once, in files that tell when somebody changed them."""

import gzip
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from nexus.eventbus import archive as archives
from nexus.eventbus.archive import MANIFEST, archive, check, manifest_of
from nexus.eventbus.registry import Member
from nexus.eventbus.stores.postgres import PostgresStore
from tests.eventbus.conftest import DATABASES, broken, lit, tell

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST", 4)


def told_by(folder: Path) -> list[str]:
    """The ids in the files, in the manifest's order."""
    return [
        json.loads(line)["id"]
        for file in manifest_of(folder)
        for line in gzip.decompress((folder / file.name).read_bytes()).splitlines()
    ]


class TestArchive:
    def test_has_every_event_once_and_goes_on_where_it_ended(
        self, member: Member, store: PostgresStore, tmp_path: Path
    ) -> None:
        events = [lit() for _ in range(9)]
        tell(store, *events)
        first = [file.events for file in archive(member, tmp_path)]
        later = [broken(), lit()]
        tell(store, *later)

        assert first == [4, 4, 1]
        assert [file.events for file in archive(member, tmp_path)] == [2]
        assert told_by(tmp_path) == [str(each.id) for each in [*events, *later]]
        assert list(archive(member, tmp_path)) == []

    def test_writes_anew_what_was_being_written_when_it_was_killed(
        self, member: Member, store: PostgresStore, tmp_path: Path
    ) -> None:
        events = [lit() for _ in range(5)]
        tell(store, *events)
        list(archive(member, tmp_path))
        manifest = (tmp_path / MANIFEST).read_bytes().splitlines(keepends=True)
        (tmp_path / MANIFEST).write_bytes(manifest[0] + manifest[1][:20])
        (tmp_path / "000002.jsonl.gz").write_bytes(b"half")

        assert [file.name for file in archive(member, tmp_path)] == ["000002.jsonl.gz"]
        assert told_by(tmp_path) == [str(each.id) for each in events]
        assert len(list(check(tmp_path))) == 2

    def test_says_how_much_there_is(
        self, member: Member, store: PostgresStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tell(store, *(lit() for _ in range(6)))

        call_command("archive", str(tmp_path))
        call_command("archive", str(tmp_path), "--check")

        said = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("toys")]
        assert said == [
            ["toys", "6", "events", "in", "2", "files", "written"],
            ["toys", "6", "events", "in", "2", "files", "in", "order"],
        ]

    def test_has_one_writer_at_a_time(self, member: Member, store: PostgresStore, tmp_path: Path) -> None:
        tell(store, *(lit() for _ in range(8)))
        first = archive(member, tmp_path / "toys")
        next(first)

        with pytest.raises(CommandError, match="another process is writing"):
            call_command("archive", str(tmp_path))

        assert [file.events for file in first] == [4]
        assert len(told_by(tmp_path / "toys")) == 8

    def test_says_when_there_is_no_folder_to_write_to(self, member: Member, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(CommandError, match=r"toys: .*Not a directory"):
            call_command("archive", str(tmp_path / "file"))


class TestCheck:
    def test_finds_no_archive_in_order_where_there_is_none(self, member: Member, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="there is no archive in"):
            call_command("archive", str(tmp_path / "nowhere"), "--check")

    @pytest.mark.parametrize("words", [[], ["--check"]])
    def test_goes_by_no_manifest_that_cannot_be_read(
        self, member: Member, store: PostgresStore, tmp_path: Path, words: list[str]
    ) -> None:
        (tmp_path / "toys").mkdir()
        (tmp_path / "toys" / MANIFEST).write_text("nonsense\n")

        with pytest.raises(CommandError, match=r"manifest\.jsonl was changed"):
            call_command("archive", str(tmp_path), *words)
        assert (tmp_path / "toys" / MANIFEST).read_text() == "nonsense\n"

    @pytest.mark.parametrize("damage", ["gone", "changed", "exchanged"])
    def test_notices_damage(self, member: Member, store: PostgresStore, tmp_path: Path, damage: str) -> None:
        tell(store, *(lit() for _ in range(8)))
        list(archive(member, tmp_path / "toys"))
        second = tmp_path / "toys" / manifest_of(tmp_path / "toys")[1].name
        match damage:
            case "gone":
                second.unlink()
            case "changed":
                second.write_bytes(second.read_bytes()[:-1])
            case "exchanged":
                manifest = tmp_path / "toys" / MANIFEST
                manifest.write_text(manifest.read_text().replace('"events":4', '"events":3', 1))

        with pytest.raises(CommandError, match="toys: 00000"):
            call_command("archive", str(tmp_path), "--check")
