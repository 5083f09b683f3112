"""An order says that it waits for its verdict: what inventory answers."""

from datetime import UTC, datetime, timedelta

import pytest

from nexus.contracts.base import enclose
from nexus.contracts.orders import OrderOverdue, OrderPlaced
from nexus.inventory import services
from tests.inventory.conftest import Stockroom

pytestmark = pytest.mark.django_db(databases=["inventory"])


def overdue(order: OrderPlaced) -> OrderOverdue:
    return OrderOverdue(order_id=order.order_id, lines=order.lines)


class TestAnsweringAgain:
    def test_judges_an_order_that_never_came_here(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        order = stockroom.order(LAMP=2)

        stockroom.hears(overdue(order))

        assert stockroom.told_about(order.order_id) == ["StockReserved"]
        assert stockroom.reserved() == {"LAMP": 2}

    def test_leaves_nothing_to_do_for_the_placing_that_comes_late(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        held, short = stockroom.order(LAMP=2), stockroom.order(LAMP=9)
        stockroom.hears(overdue(held), overdue(short))

        outcome = stockroom.hears(held, short)

        assert outcome.applied == 2
        assert stockroom.told_about(held.order_id) == ["StockReserved"]
        assert stockroom.told_about(short.order_id) == ["StockRejected"]
        assert stockroom.reserved() == {"LAMP": 2}

    def test_repeats_the_verdict_and_takes_nothing_more(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        held, short = stockroom.order(LAMP=2), stockroom.order(LAMP=9)
        stockroom.hears(held, short)
        stockroom.has(SHADE=1)

        stockroom.hears(overdue(held), overdue(short))

        assert stockroom.told_about(held.order_id) == ["StockReserved", "StockReserved"]
        assert stockroom.told_about(short.order_id) == ["StockRejected", "StockRejected"]
        assert stockroom.reserved() == {"LAMP": 2, "SHADE": 0}
        assert stockroom.books_balance()

    def test_does_not_think_again_when_there_is_more_meanwhile(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=1)
        order = stockroom.order(LAMP=2)
        stockroom.hears(order)
        services.receive_stock({"LAMP": 10})

        stockroom.hears(overdue(order))

        assert stockroom.told_about(order.order_id) == ["StockRejected", "StockRejected"]

    def test_says_that_the_reservation_ran_out(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        order = stockroom.order(LAMP=2)
        stockroom.hears(order)
        stockroom.hears(overdue(order))
        stockroom.expire(order.order_id, at=datetime.now(UTC) - timedelta(seconds=1))
        services.expire_reservations()

        stockroom.hears(overdue(order))

        told = ["StockReserved", "StockReserved", "ReservationExpired", "ReservationExpired"]
        assert stockroom.told_about(order.order_id) == told

    def test_has_nothing_to_say_about_an_order_cancelled_before_it_came(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        order = stockroom.order(LAMP=2)
        stockroom.cancel(order.order_id)

        stockroom.hears(overdue(order))

        assert stockroom.told_about(order.order_id) == []
        assert stockroom.reserved() == {"LAMP": 0}

    def test_answers_once_when_it_hears_it_twice_at_once(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        order = stockroom.order(LAMP=2)

        stockroom.hears_again([enclose(overdue(order), sequence=2), enclose(overdue(order), sequence=3)])

        assert stockroom.told_about(order.order_id) == ["StockReserved"]
        assert stockroom.reserved() == {"LAMP": 2}
