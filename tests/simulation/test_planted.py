"""Control runs: with a guard taken away, the simulation sees what that does, and soon."""

from collections.abc import Callable

import pytest

from tests.simulation.life import play, show
from tests.simulation.planted import PLANTED, Planted
from tests.simulation.stage import DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)
SOON = 1000
RARE = {"no_inbox": 250, "stock_released_whatever_became_of_it": 300}
"""Seeds to begin at for mistakes that few lives show, so that not each run plays the hundreds before them."""


class TestAPlantedMistake:
    @pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
    def test_is_found(self, plant: Callable[[], Planted], capsys: pytest.CaptureFixture[str]) -> None:
        first = RARE.get(plant.__name__, 0)
        with plant():
            told = show(plant.__name__, within=play(range(first, first + SOON)))

        with capsys.disabled():
            print(f"\n  {told}", end=" ")
