"""One RabbitMQ for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.rabbitmq import PrivateRabbitMQ, private_rabbitmq
from tests.regions.brokers import divide


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateRabbitMQ]:
    """A node of our own, divided among the regions."""
    with private_rabbitmq() as node:
        divide(node, tmp_path_factory.mktemp("broker"))
        yield node
