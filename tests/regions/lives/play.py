"""Plays lives of two regions, one after the other, and says what became of each."""

from collections.abc import Iterable, Iterator

from tests.regions.lives.stage import TwoRegions
from tests.regions.lives.world import World
from tests.simulation.life import Life, lived


def play(seeds: Iterable[int]) -> Iterator[Life]:
    """Each seed's life."""
    stage = TwoRegions()
    with stage.set_up():
        for seed in seeds:
            with stage.life(seed):
                life = lived(World(seed=seed, stage=stage), seed)
            yield life
