"""Plays lives, one after the other, and says what became of each."""

import hashlib
import re
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from nexus.inventory.models import Location, Reason
from nexus.inventory.services import adjust_stock
from tests.simulation.broker import Elsewhere
from tests.simulation.faults import Faults
from tests.simulation.people import PLACES, SHELVES
from tests.simulation.stage import Stage, sweep_up
from tests.simulation.world import World

LIVES_PER_STAGE = 200
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True)
class Life:
    """What became of a seed; `broken` is empty when every promise was kept."""

    seed: int
    broken: str
    promise: str
    trace: tuple[str, ...]
    happened: Counter[str]

    @property
    def digest(self) -> str:
        """The same for the same life."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    def story(self) -> str:
        """The trace for people: orders by number instead of ids."""
        names: dict[str, str] = {}
        text = "\n".join((*self.trace, self.broken))
        return UUID.sub(lambda found: names.setdefault(found[0], f"#{len(names) + 1}"), text)


def play(seeds: Iterable[int]) -> Iterator[Life]:
    """Each seed's life, on a stage that is set anew now and then."""
    waiting = list(seeds)
    while waiting:
        some, waiting = waiting[:LIVES_PER_STAGE], waiting[LIVES_PER_STAGE:]
        yield from _play_on_one_stage(some)
        sweep_up()


def _play_on_one_stage(seeds: list[int]) -> Iterator[Life]:
    stage = Stage()
    with stage.set_up():
        opening = open_shop(stage)
        for seed in seeds:
            with stage.life(seed):
                life = lived(World(seed=seed, stage=stage, elsewhere=Elsewhere(opening.records)), seed)
            yield life


def open_shop(stage: Stage) -> Elsewhere:
    """Goods on the shelves, prices in the book, and everything told about them heard: how each life begins."""
    elsewhere = Elsewhere()
    world = World(seed="opening", stage=stage, elsewhere=elsewhere)
    world.faults.heal()
    for database in ("orders", "inventory"):
        stage.begin(database)
    for rank, code in enumerate(PLACES):
        Location.objects.update_or_create(code=code, defaults={"name": code, "rank": rank})
    for sku in SHELVES:
        world.people.offer(sku, price=10, sellable=True)
    world.heal()
    for sku, quantities in SHELVES.items():
        for place, quantity in zip(PLACES, quantities, strict=True):
            if quantity:
                adjust_stock(sku=sku, quantity=quantity, reason=Reason.RECEIVED, location=place)
    world.heal()
    return elsewhere


class Lived(Protocol):
    """A world in which a life is played; `trace` tells what happened in it."""

    trace: list[str]
    faults: Faults

    def live(self) -> None:
        """:raises AssertionError: a promise was broken, which `promise` of the error names"""


def lived(world: Lived, seed: int) -> Life:
    """Play the life of the world to its end, and say what became of it."""
    broken = promise = ""
    try:
        world.live()
    except AssertionError as failure:
        broken, promise = str(failure), getattr(failure, "promise", "")
    except Exception:  # noqa: BLE001  whatever the services raise that is no refusal is a finding
        broken = traceback.format_exc()
    return Life(seed=seed, broken=broken, promise=promise, trace=tuple(world.trace), happened=world.faults.happened)


def show(mistake: str, *, within: Iterable[Life]) -> str:
    """
    Which life shows a planted mistake, and what it breaks.

    :raises AssertionError: none does, or it breaks something that was never promised
    """
    found = next((life for life in within if life.broken), None)
    assert found is not None, f"{mistake} goes unseen"
    assert found.promise, found.broken
    return f"{mistake}: seed {found.seed}: {found.promise}"
