"""Everything but the engines runs twice, and half of it is killed."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.shop import CREWS, RELAYS, opened
from tests.clusters.drill import Drill, Step
from tests.clusters.shop import ManifoldShop
from tests.rabbitmq import private_rabbitmq


class Processes(Drill):
    name = "processes"

    def steps(self) -> Sequence[Step]:
        return [
            Step(at=0.3, does="kill -9 one of two relays and one of two workers of each", act=self._kill_half),
            Step(at=0.6, does="kill -9 the other relay and the other workers", act=self._kill_the_others),
        ]

    def _kill_half(self) -> str:
        return self._kill(RELAYS[0], *CREWS)

    def _kill_the_others(self) -> str:
        return self._kill(RELAYS[1], *(name for name in self.shop.crews if name not in CREWS))

    def _kill(self, *names: str) -> str:
        for name in names:
            self.shop.signal(name, signal.SIGKILL)
        return f"{len(names)} of {len(self.shop.processes)} processes killed; their supervisor starts them again"


@contextmanager
def drill(home: Path, *, without: str = "") -> Iterator[Drill]:
    with private_rabbitmq() as broker, opened(ManifoldShop(home, broker=broker, without=without)) as shop:
        yield Processes(shop)
