"""MongoDB of three members: the primary steps down, then it is killed, while products change."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pymongo import MongoClient

from nexus.embedded.valkey import Valkey
from tests.chaos.checker import Finding
from tests.chaos.run import Say
from tests.chaos.shop import opened
from tests.clusters.drill import Drill, Step
from tests.clusters.replica_set import MEMBERS, Member, ReplicaSet
from tests.clusters.result import longest_gap
from tests.clusters.shop import ManifoldShop
from tests.clusters.shopkeeper import Shopkeeper
from tests.eventually import eventually
from tests.rabbitmq import PrivateRabbitMQ, private_rabbitmq

UNKNOWN = 4.0
"""Seconds in which a primary says yes to what nobody else knows; less than it takes it to see that it is alone."""


class ReplicatedShop(ManifoldShop):
    """Its catalog is in a set of three."""

    def __init__(self, home: Path, *, broker: PrivateRabbitMQ, catalog: ReplicaSet, without: str = "") -> None:
        super().__init__(home, broker=broker, without=without)
        self.catalog = catalog

    def start_engines(self) -> None:
        self.start_engine(Valkey(var=self.home, durable=True))
        self.catalog.start()

    def environment(self) -> dict[str, str]:
        return super().environment() | {"NEXUS_MONGO_URL": self.catalog.url}

    def close(self) -> None:
        super().close()
        self.catalog.stop()


class MongoDB(Drill):
    name = "mongodb"
    guard = "majority"

    def __init__(self, shop: ReplicatedShop) -> None:
        super().__init__(shop, without=shop.without)
        self._set = shop.catalog
        self._lost: Member | None = None
        self._keeper = Shopkeeper(shop)

    def steps(self) -> Sequence[Step]:
        if self.without:
            return [Step(at=0.3, does="kill -9 the primary with what it told nobody", act=self._lose_what_is_new)]
        return [
            Step(at=0.2, does="the primary steps down", act=self._step_down),
            Step(at=0.4, does="kill -9 the primary", act=self._lose_primary),
            Step(at=0.7, does="it comes back", act=self._bring_back),
        ]

    def findings(self) -> list[Finding]:
        with MongoClient(self._set.url) as client:
            return self._keeper.findings(client.get_default_database())

    def facts(self, orders: int) -> list[str]:
        pause = longest_gap(self._keeper.done_at)
        return [f"products changed: {len(self._keeper.done)}", f"longest pause of these: {pause:.1f} s"]

    @contextmanager
    def beside(self, say: Say) -> Iterator[None]:
        self._keeper.start()
        try:
            yield
        finally:
            self._keeper.stop()

    def _step_down(self) -> str:
        primary = self._primary()
        began = time.monotonic()
        primary.command_of_set("replSetStepDown", 60)
        eventually(lambda: self._set.primary() not in (None, primary), within=60, every=0.1)
        return f"{primary.title} was it; {self._elected(began)}"

    def _lose_primary(self) -> str:
        self._lost = self._primary()
        began = time.monotonic()
        self._lost.kill()
        return self._elected(began)

    def _bring_back(self) -> str:
        assert self._lost
        self._lost.launch()
        self._lost.process.wait_until_ready()
        eventually(lambda: self._set.count("SECONDARY") == MEMBERS - 1, within=90, every=0.2)
        return f"{self._lost.title} has caught up"

    def _lose_what_is_new(self) -> str:
        primary = self._primary()
        others = [member for member in self._set.members if member is not primary]
        for member in others:
            member.send(signal.SIGSTOP)
        before = len(self._keeper.done)
        time.sleep(UNKNOWN)
        changes = len(self._keeper.done) - before
        for member in (primary, *others):
            member.kill()
        # Killed, not woken: what lies in their sockets is gone too.
        began = time.monotonic()
        for member in others:
            member.launch()
        for member in others:
            member.process.wait_until_ready()
        return f"{changes} changes were answered that it alone had; {self._elected(began)}"

    def _elected(self, began: float) -> str:
        primary = eventually(self._set.primary, within=90, every=0.1)
        assert primary
        return f"{primary.title} is the primary, {time.monotonic() - began:.1f} s later"

    def _primary(self) -> Member:
        primary = eventually(self._set.primary, within=60, every=0.2)
        assert primary
        return primary


@contextmanager
def drill(home: Path, *, without: str = "") -> Iterator[Drill]:
    with private_rabbitmq() as broker:
        shop = ReplicatedShop(home, broker=broker, catalog=ReplicaSet(home), without=without)
        with opened(shop):
            yield MongoDB(shop)
