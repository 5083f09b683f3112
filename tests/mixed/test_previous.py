"""Which version is the one before, and what a clone says that does not have it."""

import subprocess
from pathlib import Path

import pytest

from tests.mixed.previous import PREVIOUS, SUITE, NoHistory, export, previous_revision, suite_of

WHO = ["-c", "user.name=Nobody", "-c", "user.email=nobody@nexus.example", "-c", "commit.gpgsign=false"]


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *WHO, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, says: str) -> str:
    """A commit in which the file ``says`` has these words; its id."""
    (folder / "says").write_text(says)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", says)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def _nobody_names_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIXED_WITH", raising=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Of two commits, ``first`` and ``second``."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    commit(folder, "first")
    commit(folder, "second")
    return folder


class TestTheVersionBefore:
    def test_is_the_pinned_one_while_nothing_was_released(self, repository: Path) -> None:
        git(repository, "tag", "v0.1.0", "HEAD")

        assert previous_revision(repository=repository) == PREVIOUS.read_text().strip()

    def test_is_the_newest_release_behind_this_commit(self, repository: Path) -> None:
        for release in ("v0.1.0", "v0.2.0", "v0.3.0"):
            commit(repository, release)
            git(repository, "tag", release)
        git(repository, "tag", "a-tag-of-another-kind", "HEAD~1")

        assert previous_revision(repository=repository) == "v0.2.0"

    def test_is_pinned_by_an_id_that_means_one_commit_for_ever(self) -> None:
        pinned = PREVIOUS.read_text().strip()

        assert len(pinned) == 40
        assert set(pinned) <= set("0123456789abcdef")


class TestItsTree:
    def test_is_as_it_was(self, repository: Path, tmp_path: Path) -> None:
        tree = export("HEAD~1", to=tmp_path / "tree", repository=repository)

        assert (tree / "says").read_text() == "first"

    def test_is_fetched_where_the_clone_has_no_history(self, repository: Path, tmp_path: Path) -> None:
        first = git(repository, "rev-parse", "HEAD~1")
        clone = tmp_path / "clone"
        git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", str(clone))

        tree = export(first, to=tmp_path / "tree", repository=clone)

        assert (tree / "says").read_text() == "first"

    def test_that_nobody_has_is_asked_for_in_plain_words(self, repository: Path, tmp_path: Path) -> None:
        with pytest.raises(NoHistory, match=r"is not in this clone, and cannot be fetched(.|\n)*git fetch --unshallow"):
            export("0" * 40, to=tmp_path / "tree", repository=repository)


class TestItsSuite:
    def test_is_the_names_of_its_tests(self, repository: Path) -> None:
        (repository / SUITE).parent.mkdir(parents=True)
        (repository / SUITE).write_text("class TestDoor:\n    def test_opens(self): ...\n    def knock(self): ...\n")
        commit(repository, "third")

        assert suite_of("HEAD", repository=repository) == {"TestDoor::test_opens"}
        assert suite_of("HEAD~1", repository=repository) == set()
