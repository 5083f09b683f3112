"""What comes of an order that is reserved, rejected or called off: rows of docs/saga.md."""

import pytest

from nexus.contracts.base import enclose
from nexus.contracts.inventory import StockRejected, StockReserved
from nexus.contracts.orders import OrderCancelled, OrderPlaced, OrderShipped
from nexus.eventbus.delivery import deliver
from nexus.eventbus.registry import members
from nexus.eventbus.wire import encode, record_of
from nexus.orders import services as orders
from nexus.orders.exceptions import WrongStatus
from tests.saga.conftest import Saga

pytestmark = pytest.mark.django_db(databases=["orders", "inventory"])
Stated = tuple[str, str]


class TestPlacedAndCancelled:
    def test_every_line_is_there(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2, SHADE=1)

        assert saga.outcome(order_id) == stated
        assert (saga.shelf("LAMP"), saga.shelf("SHADE")) == ((5, 2), (1, 1))

    def test_one_line_is_short(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.places(LAMP=2, SHADE=2)
        saga.hears("inventory", order_id, OrderPlaced)
        saga.hears("orders", order_id, StockRejected)

        assert saga.outcome(order_id) == stated
        assert (saga.shelf("LAMP"), saga.shelf("SHADE")) == ((5, 0), (1, 0))

    def test_the_order_is_heard_twice(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        [again] = saga.hears("inventory", order_id, OrderPlaced)

        assert (again.applied, again.duplicate) == (0, 1)
        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 2)

    def test_a_verdict_is_heard_twice(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        saga.hears("orders", order_id, StockReserved)

        assert saga.outcome(order_id) == stated
        assert saga.story(order_id) == ["order-placed", "order-confirmed", "stock-reserved"]

    def test_a_verdict_about_an_unknown_order(self, saga: Saga, stated: Stated) -> None:
        nobody = saga.nobody()
        verdict = enclose(StockReserved(order_id=nobody), sequence=1)
        outcome = deliver(member=members["orders"], message=encode([record_of(verdict)]))

        assert (outcome.applied, outcome.buried) == (1, 0)
        assert saga.outcome(nobody) == stated

    def test_a_request_is_sent_twice_with_one_key(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.places(LAMP=2, key="key")
        again = saga.places(LAMP=2, key="key")
        saga.hears("inventory", order_id, OrderPlaced)
        saga.hears("orders", order_id, StockReserved)

        assert again == order_id
        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 2)

    def test_cancelled_after_it_was_confirmed(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        orders.cancel_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderCancelled)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 0)

    def test_cancelled_while_its_stock_is_being_reserved(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.places(LAMP=2)
        orders.cancel_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderPlaced, OrderCancelled)
        saga.hears("orders", order_id, StockReserved)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 0)

    def test_cancelled_while_it_is_being_rejected(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.places(LAMP=9)
        saga.hears("inventory", order_id, OrderPlaced)
        orders.cancel_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderCancelled)
        saga.hears("orders", order_id, StockRejected)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 0)

    def test_the_cancellation_overtakes_the_order(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.places(LAMP=2)
        orders.cancel_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderCancelled, OrderPlaced)

        assert saga.outcome(order_id) == stated
        assert saga.story(order_id) == ["order-placed", "order-cancelled"]
        assert saga.shelf() == (5, 0)

    def test_cancelled_twice(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        orders.cancel_order(order_id=order_id)
        with pytest.raises(WrongStatus):
            orders.cancel_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderCancelled)

        assert saga.outcome(order_id) == stated
        assert saga.story(order_id).count("order-cancelled") == 1

    def test_a_cancellation_is_heard_twice(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        saga.confirmed(LAMP=1)
        orders.cancel_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderCancelled, OrderCancelled)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 1)

    def test_cancelled_after_it_was_rejected(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.places(LAMP=9)
        saga.hears("inventory", order_id, OrderPlaced)
        saga.hears("orders", order_id, StockRejected)
        with pytest.raises(WrongStatus):
            orders.cancel_order(order_id=order_id)

        assert saga.outcome(order_id) == stated

    def test_cancelled_after_it_was_shipped(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        orders.ship_order(order_id=order_id)
        with pytest.raises(WrongStatus):
            orders.cancel_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderShipped)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (3, 0)

    def test_shipped_after_it_was_cancelled(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        orders.cancel_order(order_id=order_id)
        with pytest.raises(WrongStatus):
            orders.ship_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderCancelled)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 0)
