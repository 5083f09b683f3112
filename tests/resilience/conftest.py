"""A shop whose stores and broker can be made to misbehave."""

from collections.abc import Generator, Iterator

import pytest

from tests.journeys.system import System, running
from tests.rabbitmq import PrivateRabbitMQ, private_rabbitmq
from tests.resilience.shop import ProxiedShop

LAST_LINES = 25


@pytest.fixture(scope="package")
def rabbitmq() -> Iterator[PrivateRabbitMQ]:
    """A broker that may be told that it has no memory left."""
    with private_rabbitmq() as node:
        yield node


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory, rabbitmq: PrivateRabbitMQ) -> Iterator[ProxiedShop]:
    """Web, relay and workers as processes of their own, each dependency behind a proxy."""
    home = tmp_path_factory.mktemp("shop")
    with running(ProxiedShop(home, broker_url=rabbitmq.url)) as system:
        system.receive(10_000)
        yield system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure comes with what the shop's processes said last: nobody can ask them afterwards."""
    report = yield
    shop = getattr(item, "funcargs", {}).get("shop")
    if report.failed and isinstance(shop, System):
        for log in sorted(shop.home.glob("*.log")):
            report.sections.append((log.name, "\n".join(log.read_text().splitlines()[-LAST_LINES:])))
    return report
