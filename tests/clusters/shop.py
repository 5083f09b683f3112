"""A shop of which everything runs more than once, over an engine that does too."""

from pathlib import Path

from tests.chaos.shop import CREWS, Shop
from tests.rabbitmq import PrivateRabbitMQ


class ManifoldShop(Shop):
    """Two relays, two workers for each subscriber, two web processes; some engine's addresses may be its own."""

    web_workers = 2
    crews = (*CREWS, *(f"{crew} # second" for crew in CREWS))

    def __init__(self, home: Path, *, broker: PrivateRabbitMQ, without: str = "") -> None:
        super().__init__(home, broker=broker)
        self.without = without
