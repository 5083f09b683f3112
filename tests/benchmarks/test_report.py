"""What a run leaves in `benchmarks/results`: figures of every scenario there is, a plot where one says something."""

import json
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.__main__ import MEASURES
from benchmarks.options import SCENARIOS, read_options


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_can_be_measured_and_written(name: str, results: Path) -> None:
    assert name in MEASURES

    report.write({name: {"runs": [], "floor": 2.0}}, about={}, merge=False)

    assert json.loads((results / "latest.json").read_text())["raw"][name]["floor"] == 2.0
    assert (results / f"{name}.svg").exists() == (name in report.PLOTTED)


def test_a_soak_too_short_to_say_anything_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options(["--only", "soak", "--soak-minutes", "3"])

    assert "4 minutes at least" in capsys.readouterr().err
