"""What `make backup` and `make restore` refuse before they touch anything."""

import sys
from pathlib import Path

import pytest

from nexus.embedded.backup import back_up
from nexus.embedded.errors import EmbeddedError
from nexus.embedded.progress import Progress
from nexus.embedded.restoration import restore
from nexus.embedded.wheels import VARIABLES

PROGRESS = Progress(stream=sys.stderr)


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


class TestBackup:
    def test_needs_a_shop_that_runs(self, tmp_path: Path) -> None:
        with pytest.raises(EmbeddedError, match="does not run"):
            back_up(var=tmp_path, to=tmp_path / "monday", progress=PROGRESS)

        assert list(tmp_path.iterdir()) == []

    def test_is_never_written_over_another(self, tmp_path: Path) -> None:
        with pytest.raises(EmbeddedError, match="is there already"):
            back_up(var=tmp_path, to=tmp_path, progress=PROGRESS)

    def test_leaves_servers_of_the_users_own_to_their_tools(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere")

        with pytest.raises(EmbeddedError, match="NEXUS_MONGO_URL is set: back that up with its own tools"):
            back_up(var=tmp_path, to=tmp_path / "monday", progress=PROGRESS)

    def test_leaves_an_app_that_is_apart_to_the_tools_of_its_server(self, tmp_path: Path) -> None:
        (tmp_path / "shop.env").write_text("NEXUS_SERVICES=inventory=http://127.0.0.1:8091\n")

        with pytest.raises(EmbeddedError, match=r"NEXUS_SERVICES in .*shop\.env leads to another server"):
            back_up(var=tmp_path, to=tmp_path / "monday", progress=PROGRESS)


class TestRestore:
    def test_needs_a_backup_that_came_to_its_end(self, tmp_path: Path) -> None:
        (tmp_path / "monday.part" / "postgres").mkdir(parents=True)

        with pytest.raises(EmbeddedError, match="is no backup"):
            restore(var=tmp_path / "var", source=tmp_path / "monday.part", progress=PROGRESS)

    def test_is_never_written_over_a_shop(self, tmp_path: Path) -> None:
        kept = tmp_path / "var" / "mongo" / "data"
        kept.mkdir(parents=True)
        (tmp_path / "fingerprint.json").touch()

        with pytest.raises(EmbeddedError, match=r"has a shop already \(mongo\); move it away"):
            restore(var=tmp_path / "var", source=tmp_path, progress=PROGRESS)

        assert kept.exists()
