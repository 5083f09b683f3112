"""An order moves only where the table of transitions lets it, and every step is an event."""

import asyncio
from threading import Thread
from uuid import uuid4

import pytest

from nexus.contracts.accounts import CustomerErased
from nexus.contracts.base import Event, enclose
from nexus.contracts.inventory import ReservationExpired, StockRejected, StockReserved
from nexus.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderExpired,
    OrderOverdue,
    OrderRejected,
    OrderReturned,
    OrderShipped,
)
from nexus.orders import services
from nexus.orders.exceptions import OrderNotFound, WrongStatus
from nexus.orders.models import TRANSITIONS, Order, OrderNote, Status, store
from nexus.orders.services.settlement import MOST_WAITING, Settlement
from nexus.web.models import IdempotencyKey
from tests.eventually import eventually
from tests.orders.conftest import Shop

pytestmark = pytest.mark.django_db(databases=["orders"])

EVENTS = {
    OrderOverdue: lambda order_id: OrderOverdue(order_id=order_id, lines=()),
    OrderConfirmed: lambda order_id: OrderConfirmed(order_id=order_id),
    OrderRejected: lambda order_id: OrderRejected(order_id=order_id, reason="short"),
    OrderCancelled: lambda order_id: OrderCancelled(order_id=order_id, reason="by the customer"),
    OrderExpired: lambda order_id: OrderExpired(order_id=order_id),
    OrderShipped: lambda order_id: OrderShipped(order_id=order_id),
    OrderDelivered: lambda order_id: OrderDelivered(order_id=order_id),
    OrderReturned: lambda order_id: OrderReturned(order_id=order_id),
}


class TestVerdicts:
    def test_reserved_stock_confirms_the_order(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)

        shop.hears(StockReserved(order_id=order.id))

        assert shop.status_of(order) == "confirmed"
        assert shop.story_of(order) == ["placed", "confirmed"]

    def test_short_stock_rejects_it_with_the_reason(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)

        shop.hears(StockRejected(order_id=order.id, skus=("LAMP",)))

        assert Order.objects.get(id=order.id).reason == "out of stock: LAMP"
        assert shop.status_of(order) == "rejected"

    def test_many_verdicts_in_one_message_move_many_orders(self, shop: Shop) -> None:
        orders = [shop.places(LAMP=1) for _ in range(5)]

        shop.hears(*(StockReserved(order_id=order.id) for order in orders))

        assert {shop.status_of(order) for order in orders} == {"confirmed"}

    def test_a_verdict_told_twice_moves_it_once(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        verdict = enclose(StockReserved(order_id=order.id), sequence=1)

        outcomes = [shop.hears_again([verdict]) for _ in range(3)]

        assert [(outcome.applied, outcome.duplicate) for outcome in outcomes] == [(1, 0), (0, 1), (0, 1)]
        assert shop.story_of(order) == ["placed", "confirmed"]

    def test_a_verdict_about_a_cancelled_order_does_nothing(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        services.cancel_order(order_id=order.id)

        shop.hears(StockReserved(order_id=order.id))

        assert shop.status_of(order) == "cancelled"

    def test_a_verdict_about_an_unknown_order_does_nothing(self, shop: Shop) -> None:
        outcome = shop.hears(StockReserved(order_id=uuid4()))

        assert outcome.applied == 1
        assert not Order.objects.exists()

    def test_an_expiry_that_overtakes_its_reservation_wins(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)

        shop.hears(ReservationExpired(order_id=order.id))
        shop.hears(StockReserved(order_id=order.id))

        assert shop.status_of(order) == "expired"


class TestTransitions:
    @pytest.mark.parametrize("event", TRANSITIONS, ids=lambda event: event.__name__)
    @pytest.mark.parametrize("status", Status.values)
    def test_happen_exactly_where_the_table_says(self, shop: Shop, event: type[Event], status: str) -> None:
        order = shop.places(LAMP=1)
        Order.objects.update(status=status)

        moved = services.move_orders({order.id: EVENTS[event](order.id)})

        before, after = TRANSITIONS[event]
        assert bool(moved) == (status in before)
        assert shop.status_of(order) == (after if status in before else status)
        assert len(store.stream(str(order.id))) == (2 if moved else 1)

    def test_end_for_good_in_a_state_without_way_out(self) -> None:
        starts = {status for before, _ in TRANSITIONS.values() for status in before}

        assert set(Status) - starts == {Status.REJECTED, Status.CANCELLED, Status.EXPIRED, Status.RETURNED}

    def test_count_versions_with_their_events(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        shop.hears(StockReserved(order_id=order.id))
        services.ship_order(order_id=order.id)

        assert [record.sequence for record in store.stream(str(order.id))] == [1, 2, 3]
        assert Order.objects.get().version == 3

    def test_carry_what_caused_them(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        verdict = enclose(StockReserved(order_id=order.id), sequence=1)
        shop.hears_again([verdict])

        confirmed = store.stream(str(order.id))[-1]

        assert confirmed.causationid == str(verdict.id)


class TestCancelOrder:
    def test_says_why_it_cannot_be_done_any_more(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        Order.objects.update(status="shipped")

        with pytest.raises(WrongStatus, match="shipped; it would have to be confirmed or placed"):
            services.cancel_order(order_id=order.id)

    def test_knows_only_the_customers_own_orders(self, shop: Shop, stranger: object) -> None:
        order = shop.places(LAMP=1)

        with pytest.raises(OrderNotFound):
            services.cancel_order(order_id=order.id, customer_id=stranger)

        assert shop.status_of(order) == "placed"


class TestErasure:
    def test_drops_what_the_customer_wrote(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        OrderNote.objects.create(order_id=order.id, customer_id=order.customer_id, text="ring twice")

        shop.hears(CustomerErased(customer_id=order.customer_id))

        assert not OrderNote.objects.exists()

    def test_drops_kept_answers_that_repeat_it(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        kept = {"key": "k", "fingerprint": "f", "status": 200, "body": '{"note": "ring twice"}'}
        IdempotencyKey.objects.using("orders").create(scope=f"{order.customer_id} path", **kept)

        shop.hears(CustomerErased(customer_id=order.customer_id))

        assert not IdempotencyKey.objects.using("orders").exists()


class TestWaiting:
    def test_counts_every_waiter_even_on_one_order(self) -> None:
        settlement = Settlement(lambda ids: set())
        order_id, done = uuid4(), []
        threads = [
            Thread(target=lambda: done.append(settlement.wait(order_id, timeout=0.5))) for _ in range(MOST_WAITING)
        ]
        for thread in threads:
            thread.start()
        eventually(lambda: len(settlement._waiting.get(order_id, [])) == MOST_WAITING)

        one_too_many = settlement.wait(order_id, timeout=60)

        for thread in threads:
            thread.join()
        assert one_too_many is False
        assert done == [False] * MOST_WAITING

    @pytest.mark.timeout(60)
    def test_wakes_an_event_loop_that_does_nothing_else(self) -> None:
        looks = iter([False])
        settlement = Settlement(lambda ids: ids if next(looks, True) else set())

        assert asyncio.run(settlement.wait_on_loop(uuid4(), timeout=600))

    def test_ends_on_the_loop_when_the_time_is_up(self) -> None:
        settlement = Settlement(lambda ids: set())

        assert not asyncio.run(settlement.wait_on_loop(uuid4(), timeout=0.05))


class TestPriceBook:
    def test_keeps_the_newest_offer_whatever_the_order_of_arrival(self, shop: Shop) -> None:
        shop.sells("LAMP", EUR=3, version=3)
        shop.sells("LAMP", EUR=2, version=2)

        assert shop.places(LAMP=1).total == 3
