"""Lives of orders as earlier versions led them: today's code leads them to the same end."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from nexus.contracts.orders import OrderCancelled, OrderConfirmed
from nexus.orders.models import TRANSITIONS
from tests.contracts.record import FOLDER, SCRIPTS, write_missing
from tests.contracts.replay import History, differences_of, fold

pytestmark = pytest.mark.django_db(databases=["orders", "inventory"])
FILES = sorted(FOLDER.glob("*.json"))
CONFIRMED = FOLDER / "0.1.0-confirmed.json"


def read(file: Path) -> History:
    history: History = json.loads(file.read_text())
    return history


class TestEveryHistory:
    @pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
    def test_is_lived_again_to_the_same_end(self, file: Path) -> None:
        assert differences_of(read(file)) == []

    @pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
    def test_folds_to_its_status(self, file: Path) -> None:
        history = read(file)

        assert fold(history) == history["end"]["status"]

    def test_is_there_for_every_script(self) -> None:
        assert {file.stem.split("-", 1)[1] for file in FILES} == SCRIPTS.keys()


class TestDifferences:
    def test_in_what_is_told_are_seen(self) -> None:
        history = read(CONFIRMED)
        history["records"] = [told for told in history["records"] if told["type"] != OrderConfirmed.type]

        [difference] = differences_of(history)

        assert difference.startswith("told now, not then")
        assert OrderConfirmed.type in difference

    def test_in_the_data_are_seen(self) -> None:
        history = read(CONFIRMED)
        history["records"][0]["data"]["total"] += 1

        assert [difference.split(":")[0] for difference in differences_of(history)] == [
            "told then, not now",
            "told now, not then",
        ]

    @pytest.mark.parametrize("what", ["status", "reservation", "stock"])
    def test_in_the_end_are_seen(self, what: str) -> None:
        history = read(CONFIRMED)
        was: Any = copy.deepcopy(history["end"][what])
        history["end"][what] = "another"

        assert differences_of(history) == [f"{what} was another and is {was}"]

    def test_of_a_transition_that_was_taken_away_are_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before, after = TRANSITIONS[OrderCancelled]
        monkeypatch.setitem(TRANSITIONS, OrderCancelled, (before - {"confirmed"}, after))

        with pytest.raises(AssertionError, match="no longer leads on from confirmed"):
            fold(read(FOLDER / "0.1.0-cancelled-after-confirmation.json"))


class TestRecorder:
    def test_records_what_is_missing_and_never_changes_a_file(self, tmp_path: Path) -> None:
        kept = tmp_path / "9.9.9-confirmed.json"
        kept.write_text("as it was")

        written = write_missing(folder=tmp_path, version="9.9.9")

        assert kept.read_text() == "as it was"
        assert len(written) == len(SCRIPTS) - 1
        assert write_missing(folder=tmp_path, version="9.9.9") == []
        assert differences_of(read(tmp_path / "9.9.9-expired.json")) == []
