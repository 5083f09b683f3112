"""Lives of two regions keep every promise, and those with a planted mistake do not."""

import secrets
from collections import Counter
from collections.abc import Callable

import pytest

from tests.regions.lives.planted import PLANTED, Planted
from tests.regions.lives.play import play
from tests.regions.lives.stage import DATABASE
from tests.simulation.life import show

pytestmark = pytest.mark.django_db(databases=[DATABASE])
FIXED, DRAWN = 25, 5
SOON = 300
RARE = {"arrived_as_often_as_delivered": 10, "position_moved_first": 10}
"""Seeds to begin at for mistakes that few lives show."""
FAULTS = (
    "link was cut",
    "link began anew",
    "message doubled",
    "message held back",
    "message taken out of order",
    "relay died before moving its cursor",
    "publishing was not confirmed",
    "worker died before commit",
    "worker died after commit, before the ack",
)


class TestLives:
    def test_keep_every_promise(self) -> None:
        base, happened, broken = secrets.randbelow(10**9), Counter[str](), []
        for life in play([*range(FIXED), *range(base, base + DRAWN)]):
            happened += life.happened
            broken += [f"seed {life.seed} {life.broken}"] if life.broken else []

        assert broken == [], "replay it: python -m tests.regions.lives SEED --trace"
        assert [fault for fault in FAULTS if not happened[fault]] == []

    def test_are_the_same_for_the_same_seed(self) -> None:
        first, again = ({life.seed: life.digest for life in play(order)} for order in (range(2), (1, 0)))

        assert first == again
        assert len(set(first.values())) == 2


class TestAPlantedMistake:
    @pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
    def test_is_found(self, plant: Callable[[], Planted], capsys: pytest.CaptureFixture[str]) -> None:
        first = RARE.get(plant.__name__, 0)
        with plant():
            told = show(plant.__name__, within=play(range(first, first + SOON)))

        with capsys.disabled():
            print(f"\n  {told}", end=" ")
