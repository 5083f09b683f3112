"""Two whole shops, a region each, on one RabbitMQ; the links between them lead through proxies that can be cut."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kombu import Connection

from nexus.embedded.valkey import Valkey
from tests.faultproxy import FaultProxy, Toxic, fault_proxy
from tests.journeys.system import ROOT, WORKERS, System
from tests.rabbitmq import PrivateRabbitMQ
from tests.regions.brokers import NAMESPACE, REGIONS, link_url, own_url

ON_THE_WAY = "SELECT coalesce(sum(quantity), 0)::int FROM inventory_share WHERE from_region = %s AND arrived_at IS NULL"
SENT = "SELECT count(*), coalesce(sum(quantity), 0)::int FROM inventory_share WHERE from_region = %s"
FREE = "SELECT coalesce(sum(on_hand - reserved), 0)::int FROM inventory_stock WHERE sku = ANY(%s)"


class RegionShop(System):
    """The shop of one region, with everything it needs of its own; `way_out` is what its link leads through."""

    def __init__(self, home: Path, *, region: str, broker: PrivateRabbitMQ, way_out: FaultProxy) -> None:
        super().__init__(home, broker_url=own_url(broker, region))
        self.region, self.way_out = region, way_out
        [self.other] = set(REGIONS) - {region}

    def open(self) -> None:
        """Start everything, with the same demo goods in each region."""
        self.start_engines()
        self.manage("prepare")
        self.start("relay", *(f"worker {name}" for name in WORKERS))
        self.manage("demo", "--size", "tiny")
        self.start("web", "link")

    def environment(self) -> dict[str, str]:
        link = link_url(self.region, to=self.other, port=self.way_out.port)
        ours = {"NEXUS_REGION": self.region, "NEXUS_REGION_LINKS": f"{self.other}={link}"}
        return super().environment() | ours | {"NEXUS_BUS_NAMESPACE": NAMESPACE}

    def cut(self, toxic: Toxic) -> None:
        """Nothing gets out of this region any more, or nobody hears that it has."""
        self.way_out.inflict(toxic)

    def told(self, *words: str) -> tuple[int, str]:
        """A management command's exit status and what it said."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, env=self.environment(), cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, done.stdout

    def verify(self, *, within: float) -> list[dict[str, Any]]:
        """What `manage.py verify` finds broken."""
        _, said = self.told("verify", "--json", "--within", str(within))
        return [finding for finding in json.loads(said) if finding["count"]]

    def unsettled(self) -> int:
        """How many orders wait for their verdict."""
        return int(self.sql("orders", "SELECT count(*) FROM orders_order WHERE status = 'placed'")[0][0])

    def on_the_way(self) -> int:
        """Pieces that left and are not known to have arrived."""
        return int(self.sql("inventory", ON_THE_WAY, self.region)[0][0])

    def sent(self) -> tuple[int, int]:
        """How many shares have ever left, and with how many pieces."""
        [(shares, pieces)] = self.sql("inventory", SENT, self.region)
        return shares, pieces

    def free(self, skus: Sequence[str]) -> int:
        """How many pieces of these can still be sold here."""
        return int(self.sql("inventory", FREE, list(skus))[0][0])


class InventoryAlone(RegionShop):
    """Of a region nothing but inventory, as where every app is a service: what it hears of orders, a test tells."""

    def open(self) -> None:
        self.start_engine(Valkey(var=self.home, durable=False))
        self.manage("prepare")
        with Connection(self.broker_url) as broker:
            # The rest of the shop: for all that inventory tells, somebody is bound.
            broker.default_channel.queue_declare("rest", durable=True, auto_delete=False)
            broker.default_channel.queue_bind("rest", exchange=f"{NAMESPACE}.events", routing_key="#")
        self.start("relay", "worker inventory", "link")

    def environment(self) -> dict[str, str]:
        return super().environment() | {"DJANGO_SETTINGS_MODULE": "nexus.settings.inventory"}


@contextmanager
def two_shops(
    home: Path, *, broker: PrivateRabbitMQ, kind: type[RegionShop] = RegionShop
) -> Iterator[dict[str, RegionShop]]:
    """Both with everything running, by region; gone afterwards."""
    port = urlsplit(broker.url).port or 0
    with ExitStack() as stack:
        shops = {}
        for region in REGIONS:
            (home / region).mkdir()
            way_out = stack.enter_context(fault_proxy("127.0.0.1", port))
            shops[region] = kind(home / region, region=region, broker=broker, way_out=way_out)
            stack.callback(shops[region].stop)
        side_by_side(kind.open, shops)
        yield shops


def side_by_side(do: Any, shops: dict[str, RegionShop]) -> list[Any]:
    """The same in both regions at once; what each came to."""
    with ThreadPoolExecutor(len(shops)) as pool:
        return list(pool.map(do, shops.values()))


def keep(shops: dict[str, RegionShop], kept: Path) -> None:
    """The processes' output, for people to read."""
    for region, shop in shops.items():
        for file in shop.home.glob("*.log"):
            with contextlib.suppress(OSError):
                (kept / f"{region}-{file.name}").write_bytes(file.read_bytes())
