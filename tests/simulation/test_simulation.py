"""Thousands of lives of the shop, each under faults of its own, none of which may break a promise."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connections

from nexus.eventbus.registry import members
from tests.simulation.faults import FAULTS
from tests.simulation.life import play
from tests.simulation.stage import DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SEEDS, FIXED = 2000, 500
REGRESSIONS = [int(line.split()[0]) for line in (HERE / "regressions.txt").read_text().splitlines() if line[:1] != "#"]


class TestLives:
    """Half of what they cost is the processor's: two processes."""

    @pytest.mark.timeout(1800)
    def test_keep_every_promise(self, capfd: pytest.CaptureFixture[str]) -> None:
        base = secrets.randbelow(10**9)
        words = ["--seeds", str(SEEDS), "--fixed", str(FIXED), "--base", str(base), "--processes", "2"]

        done = subprocess.run([sys.executable, "-m", "tests.simulation", *words], cwd=ROOT, env=plain())

        told = capfd.readouterr().out
        with capfd.disabled():
            print("", *(line for line in told.splitlines() if "broken" in line), sep="\n  ")
        assert done.returncode == 0, told
        heard = [f"{name} hears {kind}" for name in DATABASES for kind in members[name].handlers]
        assert [what for what in (*FAULTS, *heard) if f"× {what}\n" not in told] == []

    def test_keep_the_promises_they_once_broke(self) -> None:
        assert [life.broken for life in play(REGRESSIONS) if life.broken] == []


class TestALife:
    def test_is_the_same_for_the_same_seed(self) -> None:
        seeds = range(20)

        first, again = ({life.seed: life.digest for life in play(order)} for order in (seeds, seeds[::-1]))

        assert first == again
        assert len(set(first.values())) == len(seeds)

    def test_is_the_same_in_another_process(self) -> None:
        [life] = play([7])
        command = [sys.executable, "-m", "tests.simulation", "7", "--trace"]

        told = subprocess.run(command, cwd=ROOT, env=plain() | {"PYTHONHASHSEED": "1"}, capture_output=True, text=True)

        assert told.stdout.startswith(life.story().strip()), told.stderr

    def test_leaves_nothing_behind(self) -> None:
        list(play([7]))

        for database in DATABASES:
            with connections[database].cursor() as cursor:
                cursor.execute("SELECT (SELECT count(*) FROM event_log), to_regnamespace('simulation')")
                assert cursor.fetchone() == (0, None)


def plain() -> dict[str, str]:
    """The environment without the engines of this test run: a run of its own starts its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("NEXUS_", "DJANGO_"))} | {
        "NEXUS_DEMO": "1"
    }
