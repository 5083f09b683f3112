"""Journeys cross every app, over HTTP, the way a customer's order does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.asking import asked, order
from tests.journeys.services import Services, behind_the_gateway
from tests.journeys.system import System, running_system
from tests.journeys.trading import _indexed, traded
from tests.rabbitmq import PrivateRabbitMQ, private_rabbitmq

__all__ = ["_indexed", "asked", "order", "traded"]


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One web process that carries its own events; a shop that has other customers too."""
    with running_system(_home(tmp_path_factory)) as system:
        yield system


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[PrivateRabbitMQ]:
    """A broker that journeys may stop and kill."""
    with private_rabbitmq() as node:
        yield node


@pytest.fixture(scope="session")
def distributed(tmp_path_factory: pytest.TempPathFactory, rabbitmq: PrivateRabbitMQ) -> Iterator[System]:
    """Web, relay and workers as processes of their own, over RabbitMQ; whoever stops one starts it again."""
    with running_system(_home(tmp_path_factory), broker_url=rabbitmq.url) as system:
        yield system


@pytest.fixture(scope="session")
def services(distributed: System) -> Iterator[Services]:
    """The same shop, every app in a process of its own behind the gateway."""
    with behind_the_gateway(distributed) as front:
        yield front


def _home(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("shop")
