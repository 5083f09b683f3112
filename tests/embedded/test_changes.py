"""Settings of a shop that runs: written down, seen by who supervises it, waited for by who changed them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.embedded import changes
from nexus.embedded.__main__ import main
from nexus.embedded.errors import EmbeddedError
from tests.eventually import eventually

RUNNING = """
import sys
from nexus.embedded import supervised
from nexus.embedded.shapes import Part, Shape

tell = "import os, time; print('services', os.environ.get('NEXUS_SERVICES'), flush=True); time.sleep(60)"
part = Part(name="web", command=[sys.executable, "-c", tell], says="services")
supervised.shape_named = lambda *a, **k: Shape(carriers=[], doors=[part])
sys.exit(supervised.main(["monolith", "1"]))
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """One process that says which services it knows, supervised."""
    environment = os.environ | {"NEXUS_VAR": str(tmp_path), "NEXUS_BUS_NAMESPACE": "ours"}
    process = subprocess.Popen([sys.executable, "-c", RUNNING], env=environment, stdout=subprocess.PIPE, text=True)
    eventually((tmp_path / changes.IN_FORCE).exists, within=20)
    yield process
    process.terminate()
    process.communicate(timeout=20)


class TestAChange:
    def test_holds_when_it_returns(self, shop: "subprocess.Popen[str]", tmp_path: Path) -> None:
        assert main(arguments=["set", "--var", str(tmp_path), "NEXUS_SERVICES=inventory=http://a:1"]) == 0

        assert shop.stdout
        assert [shop.stdout.readline() for _ in range(2)] == [
            "web | services None\n",
            "web | services inventory=http://a:1\n",
        ]

    def test_is_taken_away_by_an_empty_value(self, shop: "subprocess.Popen[str]", tmp_path: Path) -> None:
        changes.change({"NEXUS_SERVICES": "inventory=http://a:1", "NEXUS_CURRENCY": "CHF"}, var=tmp_path)

        changes.change({"NEXUS_SERVICES": ""}, var=tmp_path)

        assert changes.in_force(var=tmp_path) == {"NEXUS_CURRENCY": "CHF"}
        assert shop.stdout
        assert "None" in [shop.stdout.readline() for _ in range(3)][2]

    def test_is_refused_where_nobody_supervises(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(arguments=["set", "--var", str(tmp_path), "NEXUS_SERVICES=inventory=http://a:1"]) == 1

        assert "No shop of several processes runs" in capsys.readouterr().err

    def test_that_nobody_takes_up_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(changes, "WITHIN", 0.2)
        changes.tell_bus(var=tmp_path)

        with pytest.raises(EmbeddedError, match="were not started anew"):
            changes.change({"NEXUS_CURRENCY": "CHF"}, var=tmp_path)

    @pytest.mark.parametrize("pair", ["NEXUS_SERVICES", "PATH=/tmp"])
    def test_names_a_setting_of_ours(self, pair: str, tmp_path: Path) -> None:
        with pytest.raises(SystemExit):
            main(arguments=["set", "--var", str(tmp_path), pair])


class TestTheBus:
    def test_is_known_while_the_shop_runs(self, shop: "subprocess.Popen[str]", tmp_path: Path) -> None:
        assert changes.bus(var=tmp_path)["NEXUS_BUS_NAMESPACE"] == "ours"

        shop.terminate()
        shop.wait(20)

        assert changes.bus(var=tmp_path) == {}
