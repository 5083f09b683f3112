"""
The version before this one: the newest release behind HEAD, while there is none the commit in the file ``PREVIOUS``.

Its tree comes from the repository's history. A clone without that history fetches the one commit from where it came.
"""

import ast
import os
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PREVIOUS = Path(__file__).with_name("PREVIOUS")
RELEASES = "v*"
SUITE = "tests/shapes/test_suite.py"


class NoHistory(Exception):
    """The previous version is not in this clone, and cannot be had."""


def previous_revision(*, repository: Path = ROOT, pinned: Path = PREVIOUS) -> str:
    """A tag or a full commit id; what ``MIXED_WITH`` names, if it does."""
    if named := os.environ.get("MIXED_WITH"):
        return named
    # With --first-parent: what a branch that was merged calls a release is none of ours.
    found = _git(repository, "describe", "--tags", "--abbrev=0", "--first-parent", "--match", RELEASES, "HEAD~1")
    return found.stdout.strip() if found.returncode == 0 else pinned.read_text().strip()


def suite_of(revision: str, *, repository: Path = ROOT) -> set[str]:
    """
    The tests that held the version to its promises, as ``TestAnOrder::test_is_confirmed``.

    A test of today's that is not among them is about something that the version did not promise yet. Of a version that
    had no such suite there are none, and nothing is known to be too much to ask.

    :raises NoHistory: as `export`
    """
    _require(revision, repository)
    source = _git(repository, "show", f"{revision}:{SUITE}").stdout
    return {
        f"{group.name}::{each.name}"
        for group in ast.parse(source).body
        if isinstance(group, ast.ClassDef)
        for each in group.body
        if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")
    }


def export(revision: str, *, to: Path, repository: Path = ROOT) -> Path:
    """
    Lay out the tree of the revision in the folder `to`, and return that.

    :raises NoHistory: it is not there, and where the clone came from does not give it
    """
    _require(revision, repository)
    to.mkdir(parents=True)
    with subprocess.Popen(["git", "archive", revision], cwd=repository, stdout=subprocess.PIPE) as archive:
        assert archive.stdout
        with tarfile.open(fileobj=archive.stdout, mode="r|") as files:
            files.extractall(to, filter="data")
    assert archive.returncode == 0, f"git archive {revision} ended with status {archive.returncode}"
    return to


def _require(revision: str, repository: Path) -> None:
    if _has(revision, repository):
        return
    fetched = _git(repository, "fetch", "--no-tags", "--depth=1", "origin", revision)
    if fetched.returncode or not _has(revision, repository):
        raise NoHistory(
            f"The version before, {revision}, is not in this clone, and cannot be fetched: {fetched.stderr.strip()}\n"
            "Mixed runs need its code: clone with history, or `git fetch --unshallow --tags`."
        )


def _has(revision: str, repository: Path) -> bool:
    # The tree too: a commit may be known and what is in it not.
    return _git(repository, "cat-file", "-e", f"{revision}^{{tree}}").returncode == 0


def _git(repository: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["git", *words], cwd=repository, capture_output=True, text=True)
