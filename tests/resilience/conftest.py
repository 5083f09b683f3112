"""A shop whose stores and broker can be made to misbehave."""

from collections.abc import Iterator

import pytest

from tests.journeys.system import running
from tests.rabbitmq import PrivateRabbitMQ, private_rabbitmq
from tests.resilience.shop import ProxiedShop


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
