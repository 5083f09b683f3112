"""RabbitMQ of three nodes: the one with the leaders of all queues is killed, and does not come back for a while."""

import json
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.checker import Finding
from tests.chaos.shop import opened
from tests.clusters.drill import Drill, Step
from tests.clusters.shop import ManifoldShop
from tests.eventually import eventually
from tests.rabbitmq import PrivateRabbitMQ

NODES = 3
CONFIGURATION = """
cluster_formation.peer_discovery_backend = classic_config
cluster_partition_handling = pause_minority
"""


class Cluster:
    """Nodes that know each other; each has ports and data of its own."""

    def __init__(self, home: Path) -> None:
        self.nodes = [PrivateRabbitMQ(home / f"node-{number}") for number in range(NODES)]
        peers = (f"cluster_formation.classic_config.nodes.{i} = {n.name}\n" for i, n in enumerate(self.nodes, 1))
        configuration, cookie = CONFIGURATION + "".join(peers), secrets.token_hex(10)
        for node in self.nodes:
            node.home.mkdir(parents=True)
            (node.home / "rabbitmq.conf").write_text(configuration)
            (node.home / ".erlang.cookie").write_text(cookie)
            (node.home / ".erlang.cookie").chmod(0o400)

    @property
    def url(self) -> str:
        """All nodes, as NEXUS_BROKER_URL takes them."""
        return ";".join(node.url for node in self.nodes)

    def start(self) -> None:
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_until_ready()
        eventually(lambda: len(self.running()) == NODES, within=90, every=1)

    def running(self) -> list[str]:
        """The nodes that the others see, by name."""
        status = json.loads(self.anyone().control("cluster_status", "--formatter", "json"))
        return list(status["running_nodes"])

    def anyone(self) -> PrivateRabbitMQ:
        return next(node for node in self.nodes if node.is_running)

    def named(self, name: str) -> PrivateRabbitMQ:
        return next(node for node in self.nodes if node.name == name)

    def queues(self) -> list[dict[str, str | list[str]]]:
        """Name, leader and members of each queue."""
        words = ("list_queues", "--formatter", "json", "name", "leader", "members", "online")
        found: list[dict[str, str | list[str]]] = json.loads(self.anyone().control(*words))
        return found

    def clients(self) -> Counter[int]:
        """How many connections there are to each node, by its port."""
        found = json.loads(self.anyone().control("list_connections", "--formatter", "json", "port"))
        return Counter(int(each["port"]) for each in found)

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()


class RabbitMQ(Drill):
    name = "rabbitmq"
    guard = "members"

    def __init__(self, shop: ManifoldShop, cluster: Cluster) -> None:
        super().__init__(shop, without=shop.without)
        self._cluster = cluster
        self._lost: PrivateRabbitMQ | None = None
        self._clients: list[int] = []
        """How many each node that was killed had."""
        self._few = set[str]()

    def steps(self) -> Sequence[Step]:
        first = Step(at=0.25, does="kill -9 the node that leads most queues", act=self._lose_the_leader)
        if self.without:
            return [first]
        return [
            first,
            Step(at=0.5, does="the node comes back", act=self._bring_back),
            Step(at=0.7, does="kill -9 the node that leads most queues now, for good", act=self._lose_the_leader),
        ]

    def findings(self) -> list[Finding]:
        cases = {
            "a queue has a member on each node": sorted(self._few),
            # A node that nobody talks to is no loss: then nothing has been shown.
            "who is killed has clients": [str(number) for number in self._clients if not number],
        }
        return [Finding(name, "stuck", len(them), them[0]) for name, them in cases.items() if them]

    def _lose_the_leader(self) -> str:
        # Looked at before the kill: of a queue that is gone with its node nobody says anything.
        queues = [each for each in self._cluster.queues() if str(each["name"]).startswith(self.shop.name)]
        self._few |= {str(each["name"]) for each in queues if len(each["members"]) < NODES}
        led, clients = Counter(str(queue["leader"]) for queue in queues), self._cluster.clients()
        [(name, count)] = led.most_common(1)
        self._lost = self._cluster.named(name)
        self._clients.append(clients[self._lost.port])
        self._lost.kill()
        members = ", ".join(str(len(each["members"])) for each in queues)
        here = f"{self._clients[-1]} of {clients.total()} clients"
        return f"it led {count} of {len(queues)} queues, of {members} members, and had {here}"

    def _bring_back(self) -> str:
        assert self._lost
        self._lost.start()
        eventually(lambda: len(self._cluster.running()) == NODES, within=60, every=1)
        eventually(self._all_online, within=60, every=1)
        return "it runs again, and every queue has all its members"

    def _all_online(self) -> bool:
        return all(len(each["online"]) == len(each["members"]) for each in self._cluster.queues())


@contextmanager
def drill(home: Path, *, without: str = "") -> Iterator[Drill]:
    place = Path(tempfile.mkdtemp(prefix="nexus-rabbitmq-"))
    cluster = Cluster(place)
    try:
        cluster.start()
        shop = ManifoldShop(home, broker=cluster.nodes[0], without=without)
        shop.broker_url = cluster.url
        with opened(shop):
            yield RabbitMQ(shop, cluster)
    finally:
        cluster.kill()
        shutil.rmtree(place, ignore_errors=True)
