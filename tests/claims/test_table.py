"""The table of claims itself: whole, and pointing at what exists."""

import ast
from pathlib import Path

import pytest

from tests.claims import document
from tests.claims.table import CLAIMS, Claim, State

ROOT = Path(__file__).resolve().parents[2]


def names_in(path: Path) -> set[str]:
    """Test functions and classes at the top of a module."""
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def missing_of(claim: Claim) -> list[str]:
    """What a claim points at that is not there."""
    gone = [path for path in claim.lives_in if not (ROOT / path).exists()]
    for test in claim.tests:
        file, _, name = test.partition("::")
        path = ROOT / file
        if not path.is_file() or (name and name not in names_in(path)):
            gone.append(test)
    return gone


class TestTheTable:
    def test_has_each_of_the_sentences_once(self) -> None:
        assert [claim.number for claim in CLAIMS] == list(range(1, 26))

    @pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim.number))
    def test_points_at_what_is_there(self, claim: Claim) -> None:
        assert missing_of(claim) == []

    @pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim.number))
    def test_calls_open_what_no_test_shows_and_says_why(self, claim: Claim) -> None:
        assert bool(claim.tests) == (claim.state is not State.OPEN)
        assert claim.state is State.HOLDS or claim.note

    def test_has_every_test_of_this_folder(self) -> None:
        shown = {test for claim in CLAIMS for test in claim.tests}

        for module in ("test_shop", "test_services"):
            file = f"tests/claims/{module}.py"
            assert {f"{file}::{name}" for name in names_in(ROOT / file) if name.startswith("test_")} <= shown

    def test_notices_what_is_gone(self) -> None:
        claim = Claim(number=1, says="", tests=["tests/claims/test_table.py::TestGone"], lives_in=["nexus/gone.py"])

        assert missing_of(claim) == ["nexus/gone.py", "tests/claims/test_table.py::TestGone"]


class TestThePage:
    def test_is_what_the_table_says(self) -> None:
        assert document.main(["--check"]) == 0
