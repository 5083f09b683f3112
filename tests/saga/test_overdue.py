"""What comes of an order whose placing or verdict was lost on the way: rows of docs/saga.md."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from nexus.contracts.inventory import StockRejected, StockReserved
from nexus.contracts.orders import OrderCancelled, OrderOverdue, OrderPlaced
from nexus.inventory import services as inventory
from nexus.orders import services as orders
from nexus.orders.models import Order
from tests.saga.conftest import Saga

pytestmark = pytest.mark.django_db(databases=["orders", "inventory"])
Stated = tuple[str, str]


def overdue(order_id: UUID) -> None:
    """A minute passes without a verdict, and the sweep comes."""
    then = timezone.now() - timedelta(seconds=61)
    Order.objects.filter(id=order_id).update(placed_at=then, updated_at=then)
    assert orders.drive_on_overdue_orders() == 1


class TestOverdue:
    def test_the_placing_was_lost(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.places(LAMP=2)
        overdue(order_id)
        saga.hears("inventory", order_id, OrderOverdue)
        saga.hears("orders", order_id, StockReserved)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 2)

    def test_the_placing_comes_after_it_was_found_overdue(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.places(LAMP=2)
        overdue(order_id)
        saga.hears("inventory", order_id, OrderOverdue, OrderPlaced)
        saga.hears("orders", order_id, StockReserved)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 2)

    def test_the_verdict_was_lost(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.places(LAMP=2)
        saga.hears("inventory", order_id, OrderPlaced)
        overdue(order_id)
        saga.hears("inventory", order_id, OrderOverdue)
        saga.hears("orders", order_id, StockReserved)

        assert saga.outcome(order_id) == stated
        assert saga.story(order_id) == [
            "order-placed",
            "order-overdue",
            "order-confirmed",
            "stock-reserved",
            "stock-reserved",
        ]
        assert saga.shelf() == (5, 2)

    def test_a_rejection_was_lost(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.places(LAMP=9)
        saga.hears("inventory", order_id, OrderPlaced)
        inventory.receive_stock({"LAMP": 100})
        overdue(order_id)
        saga.hears("inventory", order_id, OrderOverdue)
        saga.hears("orders", order_id, StockRejected)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (105, 0)

    def test_cancelled_while_it_is_overdue(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.places(LAMP=2)
        saga.hears("inventory", order_id, OrderPlaced)
        overdue(order_id)
        orders.cancel_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderOverdue, OrderCancelled)
        saga.hears("orders", order_id, StockReserved)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 0)
