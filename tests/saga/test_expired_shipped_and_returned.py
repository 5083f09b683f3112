"""What comes of an order that expires, is shipped or comes back: rows of docs/saga.md."""

import pytest

from nexus.contracts.inventory import ReservationExpired, StockReserved
from nexus.contracts.orders import OrderCancelled, OrderPlaced, OrderReturned, OrderShipped
from nexus.inventory import services as inventory
from nexus.inventory.models import Reason
from nexus.orders import services as orders
from nexus.orders.exceptions import WrongStatus
from tests.saga.conftest import Saga

pytestmark = pytest.mark.django_db(databases=["orders", "inventory"])
Stated = tuple[str, str]


class TestExpiredShippedAndReturned:
    def test_the_reservation_runs_out(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        saga.expire(order_id)
        saga.hears("orders", order_id, ReservationExpired)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 0)

    def test_an_expiry_is_heard_twice(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        saga.expire(order_id)
        saga.hears("orders", order_id, ReservationExpired, ReservationExpired)

        assert saga.outcome(order_id) == stated
        assert saga.story(order_id).count("order-expired") == 1

    def test_the_expiry_overtakes_the_verdict(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.places(LAMP=2)
        saga.hears("inventory", order_id, OrderPlaced)
        saga.expire(order_id)
        saga.hears("orders", order_id, ReservationExpired, StockReserved)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 0)

    def test_cancelled_while_it_expires(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        saga.confirmed(LAMP=1)
        saga.expire(order_id)
        orders.cancel_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderCancelled)
        saga.hears("orders", order_id, ReservationExpired)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 1)

    def test_cancelled_after_it_expired(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        saga.expire(order_id)
        saga.hears("orders", order_id, ReservationExpired)
        with pytest.raises(WrongStatus):
            orders.cancel_order(order_id=order_id)

        assert saga.outcome(order_id) == stated

    def test_the_sweep_comes_after_the_cancellation(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        saga.run_out(order_id)
        orders.cancel_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderCancelled)

        assert inventory.expire_reservations() == 0
        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 0)

    def test_shipped_late_but_before_the_sweep(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        saga.run_out(order_id)
        orders.ship_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderShipped)

        assert inventory.expire_reservations() == 0
        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (3, 0)

    def test_shipped_while_it_expires_and_the_goods_are_free(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        saga.expire(order_id)
        orders.ship_order(order_id=order_id)
        saga.hears("orders", order_id, ReservationExpired)
        saga.hears("inventory", order_id, OrderShipped)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (3, 0)

    def test_shipped_while_it_expires_and_others_hold_the_goods(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=5)
        saga.expire(order_id)
        saga.confirmed(LAMP=5)
        orders.ship_order(order_id=order_id)
        saga.cannot_handle("inventory", order_id, OrderShipped)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 5)

    def test_stock_is_found_for_goods_that_left_late(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=5)
        saga.expire(order_id)
        saga.confirmed(LAMP=5)
        orders.ship_order(order_id=order_id)
        saga.cannot_handle("inventory", order_id, OrderShipped)
        inventory.adjust_stock(sku="LAMP", quantity=5, reason=Reason.COUNTED)

        assert (saga.replay(), saga.replay()) == ((1, 0), (0, 0))
        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 5)

    def test_a_shipment_is_heard_twice(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        orders.ship_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderShipped, OrderShipped)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (3, 0)

    def test_returned_after_it_was_delivered(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        orders.ship_order(order_id=order_id)
        orders.deliver_order(order_id=order_id)
        orders.return_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderShipped, OrderReturned)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 0)

    def test_returned_twice(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.returned(LAMP=2)
        with pytest.raises(WrongStatus):
            orders.return_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderShipped, OrderReturned, OrderReturned)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 0)

    def test_the_return_overtakes_the_shipment(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.returned(LAMP=2)
        saga.hears("inventory", order_id, OrderReturned, OrderShipped)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 0)

    def test_the_return_overtakes_a_shipment_that_came_too_late(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=2)
        saga.expire(order_id)
        orders.ship_order(order_id=order_id)
        orders.return_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderReturned, OrderShipped)

        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 0)

    def test_returned_before_its_shipment_was_replayed(self, saga: Saga, stated: Stated) -> None:
        order_id = saga.confirmed(LAMP=5)
        saga.expire(order_id)
        saga.confirmed(LAMP=5)
        orders.ship_order(order_id=order_id)
        saga.cannot_handle("inventory", order_id, OrderShipped)
        orders.return_order(order_id=order_id)
        saga.hears("inventory", order_id, OrderReturned)

        assert saga.replay() == (1, 0)
        assert saga.outcome(order_id) == stated
        assert saga.shelf() == (5, 5)
