"""What the bus's workers keep from message to message."""

from tests.eventually import eventually
from tests.journeys.system import System

ORDERS = "/api/v1/orders"
MESSAGES = 10
SESSIONS = "SELECT sessions FROM pg_stat_database WHERE datname = %s"


class TestAWorker:
    def test_keeps_its_connection_to_postgres(self, distributed: System) -> None:
        customer = distributed.log_in("customer")
        self.buy(distributed, customer)
        before = self.sessions(distributed)

        for _ in range(MESSAGES):
            self.buy(distributed, customer)

        # One more for whoever else comes by, such as a chore.
        assert self.sessions(distributed) - before < MESSAGES / 2

    def buy(self, shop: System, customer: str) -> None:
        order = {"lines": [{"sku": shop.demo()["sku"], "quantity": 1}]}
        assert shop.call("POST", ORDERS, order, Authorization=customer).status == 201
        eventually(shop.settled)

    def sessions(self, shop: System) -> int:
        """How many connections there have ever been to the database of inventory."""
        [[count]] = shop.sql("orders", SESSIONS, f"{shop.name}_inventory")
        return int(count)
