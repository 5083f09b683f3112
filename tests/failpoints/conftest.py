"""A shop that is made to die, at one place after the other."""

from collections.abc import Iterator

import pytest

from tests.failpoints.shop import FragileShop
from tests.journeys.system import running
from tests.rabbitmq import some_rabbitmq


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FragileShop]:
    """Web, relay and workers as processes of their own over RabbitMQ, each with its failpoints."""
    home = tmp_path_factory.mktemp("shop")
    with some_rabbitmq() as broker_url, running(FragileShop(home, broker_url=broker_url)) as system:
        yield system
