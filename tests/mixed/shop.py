"""A shop in the middle of an upgrade, and what is known of it from outside."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.journeys.system import Answer
from tests.mixed.mixes import Mix
from tests.ports import free_port
from tests.shapes.shop import ShapedShop, running_shop


class MixedShop(ShapedShop):
    """Requests go to its doors in turn: with two, a customer meets the other version at every step."""

    def __init__(self, mix: Mix, *, var: Path, before: Path, doors: list[int], environment: Mapping[str, str]) -> None:
        super().__init__(mix.shape, var=var, port=doors[0], environment=environment)
        self.mix, self.before = mix, before
        self._doors = itertools.cycle(doors)
        self._host = f"127.0.0.1:{doors[0]}"

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        self.port = next(self._doors)
        # A balancer before the doors would keep the name that was asked for; links in answers have it.
        return super().call(method, path, body, **{"Host": self._host} | headers)


@contextmanager
def running_mix(mix: Mix, *, before: Path, var: Path) -> Iterator[MixedShop]:
    """A shop with its processes in the versions that the mix says; `before` is the tree of the version before."""
    second = free_port()
    command = ["-m", "tests.mixed.run", mix.name, "--before", str(before), "--second-port", str(second)]
    with running_shop([*command, "--var", str(var)], var=var) as environment:
        doors = [int(environment["NEXUS_PORT"]), *([second] if "web" in mix.both else [])]
        yield MixedShop(mix, var=var, before=before, doors=doors, environment=environment)
