"""Plays lives of two regions, one after the other, and says what became of each."""

import traceback
from collections.abc import Iterable, Iterator

from tests.regions.lives.stage import TwoRegions
from tests.regions.lives.world import World
from tests.simulation.life import Life


def play(seeds: Iterable[int]) -> Iterator[Life]:
    """Each seed's life."""
    stage = TwoRegions()
    with stage.set_up():
        for seed in seeds:
            with stage.life(seed):
                life = _live(World(seed=seed, stage=stage), seed)
            yield life


def _live(world: World, seed: int) -> Life:
    broken = promise = ""
    try:
        world.live()
    except AssertionError as failure:
        broken, promise = str(failure), getattr(failure, "promise", "")
    except Exception:  # noqa: BLE001  whatever the services raise that is no refusal is a finding
        broken = traceback.format_exc()
    return Life(seed=seed, broken=broken, promise=promise, trace=tuple(world.trace), happened=world.faults.happened)
