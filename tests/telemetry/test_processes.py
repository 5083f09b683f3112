"""Figures of several processes in one folder."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import prometheus_client
import pytest

from nexus.telemetry.processes import FOLDER, forget_the_dead, share_figures


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("NEXUS_VAR", str(tmp_path))
    monkeypatch.setenv(FOLDER, "")
    monkeypatch.delitem(sys.modules, "prometheus_client")
    yield
    # What was set meanwhile is undone with the rest.
    monkeypatch.setenv(FOLDER, "")


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


class TestSharedFigures:
    def test_of_who_counts_already_are_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "prometheus_client", prometheus_client)

        assert share_figures(role="web", owner=os.getpid()) is None
        assert os.environ[FOLDER] == ""

    def test_lie_where_nobody_else_reads(self, tmp_path: Path) -> None:
        folder = share_figures(role="web", owner=os.getpid())

        assert folder
        assert folder == tmp_path / "figures" / f"web-{os.getpid()}"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert os.environ[FOLDER] == str(folder)

    def test_of_owners_that_are_gone_go_too(self) -> None:
        gone = share_figures(role="web", owner=dead_process())
        assert gone
        (gone / "counter_1.db").write_bytes(b"old")
        os.environ[FOLDER] = ""

        share_figures(role="web", owner=os.getpid())

        assert not gone.exists()

    def test_of_processes_that_are_gone_stay_but_for_what_they_had_in_hand(self, tmp_path: Path) -> None:
        gone = dead_process()
        for name in (f"counter_{gone}", f"gauge_livesum_{gone}", f"gauge_livemax_{os.getpid()}"):
            (tmp_path / f"{name}.db").touch()

        forget_the_dead(tmp_path)

        assert {file.stem for file in tmp_path.iterdir()} == {f"counter_{gone}", f"gauge_livemax_{os.getpid()}"}

    def test_of_others_stay(self) -> None:
        theirs = share_figures(role="web", owner=os.getppid())
        assert theirs
        os.environ[FOLDER] = ""

        mine = share_figures(role="web", owner=os.getpid())

        assert theirs.exists()
        assert mine != theirs

    def test_lie_where_the_environment_says(self, tmp_path: Path) -> None:
        os.environ[FOLDER] = str(tmp_path / "named")

        assert share_figures(role="web", owner=1) == tmp_path / "named"

    def test_are_not_put_into_a_folder_that_leads_elsewhere(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "figures").symlink_to(tmp_path / "elsewhere")

        assert share_figures(role="web", owner=os.getpid()) is None
        assert list((tmp_path / "elsewhere").iterdir()) == []

    def test_keep_nobody_from_working_where_there_can_be_no_folder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEXUS_VAR", "/proc/nowhere")

        assert share_figures(role="web", owner=os.getpid()) is None
        assert os.environ[FOLDER] == ""

    def test_pass_over_folders_that_are_none_of_theirs(self, tmp_path: Path) -> None:
        (tmp_path / "figures" / "web-old").mkdir(parents=True)

        assert share_figures(role="web", owner=os.getpid())
        assert (tmp_path / "figures" / "web-old").exists()
