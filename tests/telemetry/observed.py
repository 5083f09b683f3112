"""A shop of web, relay and workers over RabbitMQ that tells all about itself."""

from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from tests.journeys.system import System
from tests.ports import free_port
from tests.telemetry.collector import Collector

Labels = frozenset[tuple[str, str]]


class ObservedShop(System):
    """Every process has a port for Prometheus; every request is traced. The web has two workers."""

    web_workers = 2

    def __init__(self, home: Path, *, broker_url: str, collector: Collector, port: int | None = None) -> None:
        super().__init__(home, broker_url=broker_url, port=port)
        self.metrics_ports: dict[str, int] = {}
        self._collector = collector

    def launch(self, name: str, *, command: Sequence[str] = (), **more: str) -> None:
        port = self.metrics_ports[name] = free_port()
        told = {"NEXUS_METRICS_PORT": str(port), "NEXUS_TRACES_URL": self._collector.url, "NEXUS_TRACES_SHARE": "1"}
        super().launch(name, command=command, **told | more)

    def scrape(self, name: str) -> dict[tuple[str, Labels], float]:
        """What a process answers Prometheus, by name and labels; nothing while it does not answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self.metrics_ports[name]}/metrics", timeout=20) as answer:
                text = answer.read().decode()
        except (URLError, ConnectionError):
            return {}
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def figure(self, process: str, name: str, **labels: str) -> float:
        """The sum of all that have these labels; 0 where there are none."""
        wanted = labels.items()
        return sum(value for (each, has), value in self.scrape(process).items() if each == name and wanted <= set(has))
