"""A shop under fire, once for all tests of this folder: starting one takes longer than most of what they do to it."""

from collections.abc import Iterator

import pytest

from tests.chaos.shop import Shop, running_shop
from tests.rabbitmq import private_rabbitmq


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Everything running, with a broker of its own."""
    with private_rabbitmq() as broker, running_shop(tmp_path_factory.mktemp("shop"), broker=broker) as shop:
        yield shop
