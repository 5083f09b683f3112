"""A shop of several processes with a real Prometheus that watches it by the shipped rules."""

import json
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen
from uuid import uuid4

import yaml

from nexus.embedded.run import server_command
from tests.eventually import eventually
from tests.journeys.system import System
from tests.observability.tools import SHIPPED, tool
from tests.ports import free_port
from tests.rabbitmq import PrivateRabbitMQ

Series = list[dict[str, Any]]
LIMITS = {"NEXUS_RATE_LIMIT": "60000/60", "NEXUS_RATE_LIMITS": "login=60/60"}
"""A login costs ten, so that the seventh in a minute is too many; nothing else is limited here."""


class TellingRabbitMQ(PrivateRabbitMQ):
    """With the plugin that tells Prometheus, as in the image."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.metrics_port = free_port()

    def start(self) -> None:
        self.home.mkdir(exist_ok=True)
        (self.home / "plugins").write_text("[rabbitmq_prometheus].")
        place = f"prometheus.tcp.port = {self.metrics_port}\nprometheus.tcp.ip = 127.0.0.1\n"
        (self.home / "rabbitmq.conf").write_text(place)
        super().start()


class HangsUp(socketserver.ThreadingTCPServer):
    """An instance that takes every request and answers none."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.StreamRequestHandler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.recv(65536)


class WatchedShop(System):
    """Every process has a port for Prometheus. A second door finds the catalog elsewhere, one instance of it ill."""

    def __init__(self, home: Path, *, broker_url: str) -> None:
        super().__init__(home, broker_url=broker_url)
        self.ports: dict[str, int] = {}
        self.door_port = free_port()

    def launch(self, name: str, *, command: Sequence[str] = (), **more: str) -> None:
        self.ports[name] = free_port()
        super().launch(name, command=command, **LIMITS | more, NEXUS_METRICS_PORT=str(self.ports[name]))

    def open_door(self, ill: int) -> None:
        """A web process that asks the other one for products, or whoever is on that port."""
        instances = f"http://127.0.0.1:{self.port} http://127.0.0.1:{ill}"
        self.launch("door", command=server_command(port=self.door_port), NEXUS_SERVICES=f"catalog={instances}")
        # Staff come in by a third; nobody does here.
        self.launch("staff", command=server_command(port=free_port()), NEXUS_STAFF_PAGES="1")
        eventually(lambda: self.by_the_door("/livez") == 200, within=60)
        eventually(lambda: self.tells("staff"), within=60)

    def tells(self, name: str) -> bool:
        """Whether a process answers Prometheus."""
        try:
            with urlopen(f"http://127.0.0.1:{self.ports[name]}/metrics", timeout=20) as answer:
                return bool(answer.status == 200)
        except URLError:
            return False

    def by_the_door(self, path: str) -> int:
        try:
            with urlopen(f"http://127.0.0.1:{self.door_port}{path}", timeout=20) as answer:
                status: int = answer.status
                return status
        except URLError as why:
            return int(getattr(why, "code", 0))

    def trade(self, customer: str) -> None:
        """A little of everything: reads, orders, the same again, another under the same key, guesses at passwords."""
        key, order = str(uuid4()), {"lines": [{"sku": self.demo()["sku"], "quantity": 1}]}
        headers = {"Authorization": customer, "Idempotency_Key": key}
        assert self.call("POST", "/api/v1/orders", order, Prefer="wait=10", **headers).status == 201
        assert self.call("POST", "/api/v1/orders", order, **headers).status == 201
        assert self.call("POST", "/api/v1/orders", order | {"currency": "USD"}, **headers).status == 422
        for path in ("/api/v1/products?page_size=3", f"/api/v1/inventory/stock/{self.demo()['sku']}", "/api/v1/orders"):
            self.call("GET", path, Authorization=customer)
        for _ in range(8):
            self.call("POST", "/api/v1/accounts/token", {"email": "nobody@example.org", "password": "a guess"})
        for number in range(4):
            assert self.by_the_door(f"/api/v1/products?page_size={number + 1}") == 200


class Prometheus:
    """A real one on a free port, with the shipped rules and the shipped jobs at other addresses."""

    def __init__(self, home: Path, targets: dict[str, dict[str, int]]) -> None:
        self._home, self.port = home, free_port()
        config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(SHIPPED / "rules" / "*.yml")]
        config["scrape_configs"] = [
            {
                "job_name": job,
                "static_configs": [
                    {"targets": [f"127.0.0.1:{port}"], "labels": {"process": process}}
                    for process, port in ports.items()
                ],
            }
            for job, ports in targets.items()
        ]
        (home / "prometheus.yml").write_text(yaml.safe_dump(config))

    @contextmanager
    def running(self) -> Iterator["Prometheus"]:
        place = [f"--web.listen-address=127.0.0.1:{self.port}", f"--storage.tsdb.path={self._home / 'data'}"]
        command = [str(tool("prometheus")), f"--config.file={self._home / 'prometheus.yml'}", *place]
        with (self._home / "prometheus.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            eventually(self._is_ready, within=60)
            yield self
        finally:
            process.terminate()
            process.wait(30)

    def query(self, text: str) -> Series:
        """
        What it answers now.

        :raises AssertionError: it does not understand the query, or two series meet where one must be
        """
        answer = self._get("query", query=text)
        assert answer["status"] == "success", answer
        result = answer["data"]["result"]
        return result if answer["data"]["resultType"] == "vector" else [{"metric": {}, "value": result}]

    def series(self, metric: str) -> list[dict[str, str]]:
        """The labels of every series of that name."""
        found: list[dict[str, str]] = self._get("series", **{"match[]": metric})["data"]
        return found

    def ill_rules(self) -> list[str]:
        """Rules that could not be evaluated, and why."""
        loaded = self._get("rules")["data"]["groups"]
        rules = [rule for group in loaded for rule in group["rules"]]
        assert rules
        return [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except URLError:
            return False

    def _get(self, what: str, **parameters: str) -> Any:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/api/v1/{what}?{urlencode(parameters)}", timeout=30) as answer:
                return json.load(answer)
        except URLError as why:
            if not hasattr(why, "read"):
                raise
            return json.load(why)


@contextmanager
def watched_shop() -> Iterator[tuple[WatchedShop, Prometheus]]:
    """All of it, with demo goods."""
    with TemporaryDirectory(prefix="nexus-watched-") as name, HangsUp() as ill:
        home = Path(name)
        broker = TellingRabbitMQ(home / "rabbitmq")
        shop = WatchedShop(home, broker_url=broker.url)
        try:
            broker.start()
            shop.start_engines()
            shop.manage("prepare")
            shop.start("relay", "worker orders", "worker inventory", "worker catalog")
            shop.manage("demo", "--size", "tiny")
            shop.start("web")
            shop.open_door(ill.server_address[1])
            with Prometheus(home, _targets(shop, broker)).running() as prometheus:
                yield shop, prometheus
        finally:
            shop.stop()
            broker.kill()
            ill.shutdown()


def _targets(shop: WatchedShop, broker: TellingRabbitMQ) -> dict[str, dict[str, int]]:
    """Ports by job and process, named as in the compose file; the second door is a job of its own."""
    ports = {name.replace(" ", "-"): port for name, port in shop.ports.items()}
    return {
        "web": {name: ports[name] for name in ("web", "staff")},
        "relay": {"relay": ports["relay"]},
        "worker": {name: port for name, port in ports.items() if name.startswith("worker-")},
        "rabbitmq": {"rabbitmq": broker.metrics_port},
        "gateway": {"door": ports["door"]},
    }
