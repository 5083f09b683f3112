"""Control runs: with a guard taken away, the simulation sees what that does, and soon."""

from collections.abc import Callable

import pytest

from tests.simulation.life import play
from tests.simulation.planted import PLANTED, Planted
from tests.simulation.stage import DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)
SOON = 1000


class TestAPlantedMistake:
    @pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
    def test_is_found(self, plant: Callable[[], Planted], capsys: pytest.CaptureFixture[str]) -> None:
        with plant():
            found = next((life for life in play(range(SOON)) if life.broken), None)

        assert found is not None, f"{plant.__name__} goes unseen in {SOON} lives"
        assert found.promise, found.broken
        with capsys.disabled():
            print(f"\n  {plant.__name__}: seed {found.seed}: {found.promise}", end=" ")
