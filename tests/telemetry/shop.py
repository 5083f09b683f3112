"""One observed shop for all: its processes take half a minute to start."""

from collections.abc import Iterator

import pytest

from tests.journeys.system import running
from tests.rabbitmq import private_rabbitmq
from tests.telemetry.collector import Collector, running_collector
from tests.telemetry.observed import ObservedShop


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def observed(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[ObservedShop]:
    home = tmp_path_factory.mktemp("shop")
    with (
        private_rabbitmq() as node,
        running(ObservedShop(home, broker_url=node.url, collector=collector)) as shop,
    ):
        yield shop
