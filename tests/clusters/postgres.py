"""Postgres with a synchronous standby: the primary is killed and the standby promoted, there and back again."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.checker import Finding
from tests.chaos.shop import opened
from tests.clusters.drill import Drill, Step
from tests.clusters.postgres_pair import Node
from tests.clusters.shop import ManifoldShop
from tests.eventually import eventually
from tests.rabbitmq import PrivateRabbitMQ, private_rabbitmq

APPS = ("accounts", "orders", "inventory")
AWAY = 3.0
"""Seconds without a standby."""
NOTICED_AFTER = 5.0
"""Seconds until whoever watches over the pair is sure that the primary is gone."""
UNKNOWN = 5.0
"""Seconds in which an asynchronous primary says yes to what nobody else knows."""
IN_FLIGHT = 6
"""As many as there are customers: whose answers may have been under way."""
HIGHEST = "SELECT coalesce(max(xid), '0'::xid8)::text FROM event_log"
GONE_BACK = "SELECT count(*) FROM event_log WHERE time > to_timestamp(%s) AND xid <= %s::xid8"
ORDERS = "SELECT count(*) FROM orders_order"


class PairedShop(ManifoldShop):
    """Its databases are on whichever of two servers is the primary."""

    def __init__(self, home: Path, *, broker: PrivateRabbitMQ, nodes: Sequence[Node]) -> None:
        super().__init__(home, broker=broker)
        self._nodes = nodes

    def postgres(self, database: str) -> str:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self._nodes)
        return f"postgresql://nexus@{hosts}/{database}?target_session_attrs=read-write&connect_timeout=3"


class Pair(Drill):
    name = "postgres"
    guard = "synchronous"

    def __init__(self, shop: PairedShop, primary: Node, standby: Node, *, without: str) -> None:
        super().__init__(shop, without=without)
        self._primary, self._standby = primary, standby
        self._marks: list[tuple[float, dict[str, str]]] = []
        self._accepted_alone = 0

    def steps(self) -> Sequence[Step]:
        if self.without:
            return [
                Step(at=0.2, does="kill -9 the standby; the primary does not wait for it", act=self._go_on_alone),
                Step(at=0.5, does="kill -9 the primary, and promote the standby of a while ago", act=self._fail_over),
            ]
        return [
            Step(at=0.15, does="kill -9 the standby; the primary waits for it", act=self._lose_standby_for_a_while),
            Step(at=0.3, does="kill -9 the primary, promote the standby", act=self._fail_over),
            Step(at=0.5, does="the one that was killed becomes the standby", act=self._restore_the_pair),
            Step(at=0.75, does="kill -9 the primary, promote the standby", act=self._fail_over),
        ]

    def findings(self) -> list[Finding]:
        cases = {
            "nothing is acknowledged without the standby": self._accepted_alone,
            "transaction ids go on across a promotion": sum(
                self.shop.sql(app, GONE_BACK, moment, highest)[0][0]
                for moment, xids in self._marks
                for app, highest in xids.items()
            ),
        }
        return [Finding(name, "lost", count, "") for name, count in cases.items() if count]

    def facts(self, orders: int) -> list[str]:
        ends = {app: self.shop.sql(app, HIGHEST)[0][0] for app in APPS[1:]}
        began = {app: self._marks[0][1][app] for app in ends}
        return [f"promotions: {len(self._marks)}", f"transaction ids from {began} to {ends}"]

    def _lose_standby_for_a_while(self) -> str:
        self._standby.kill()
        # What was answered while it died is no finding; whoever asks from now on waits.
        before = self._count_orders()
        time.sleep(AWAY)
        self._accepted_alone = max(0, self._count_orders() - before - IN_FLIGHT)
        self._standby.start()
        eventually(lambda: self._primary.is_followed_by(self._standby), within=60)
        return f"it was away for {AWAY:.0f} s"

    def _go_on_alone(self) -> str:
        before = self._count_orders()
        self._standby.kill()
        time.sleep(UNKNOWN)
        return f"{self._count_orders() - before} orders accepted meanwhile"

    def _count_orders(self) -> int:
        return int(self._primary.ask_one(ORDERS, database=f"{self.shop.name}_orders"))

    def _fail_over(self) -> str:
        xids = {app: str(self._primary.ask_one(HIGHEST, database=f"{self.shop.name}_{app}")) for app in APPS}
        began = time.monotonic()
        self._primary.kill()
        killed = time.time()
        time.sleep(NOTICED_AFTER)
        self._primary, self._standby = self._standby, self._primary
        if self.without:
            self._primary.start()
        self._primary.promote()
        self._marks.append((killed, xids))
        return f"{self._primary.title} is the primary, {time.monotonic() - began:.1f} s after the kill"

    def _restore_the_pair(self) -> str:
        follow(self._standby, self._primary)
        return f"{self._primary.title} waits for {self._standby.title} again"


def follow(standby: Node, primary: Node) -> None:
    """Copy the primary, stream from it, and let it wait for us."""
    standby.copy(primary)
    standby.start()
    eventually(lambda: primary.is_followed_by(standby), within=60)
    primary.wait_for(standby)


@contextmanager
def drill(home: Path, *, without: str = "") -> Iterator[Drill]:
    first, second = Node(home, "a"), Node(home, "b")
    try:
        first.prepare()
        first.start()
        if without:
            second.copy(first)
            second.start()
        else:
            follow(second, first)
        with private_rabbitmq() as broker:
            # Its processes have all their guards; what is missing is the server's.
            shop = PairedShop(home, broker=broker, nodes=(first, second))
            with opened(shop):
                yield Pair(shop, first, second, without=without)
    finally:
        for node in (first, second):
            node.stop()
