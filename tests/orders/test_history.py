"""An order's row is the fold of its events: lost, it comes back; wrong, it is put right; past, it can be seen."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connections

from nexus.contracts.base import enclose
from nexus.contracts.inventory import StockRejected, StockReserved
from nexus.contracts.orders import OrderConfirmed, OrderPlaced, OrderShipped
from nexus.orders import services
from nexus.orders.exceptions import OrderNotFound
from nexus.orders.models import DATABASE, Order, OrderLine, OrderNote
from nexus.orders.selectors import BrokenHistory, OrderView, find_folded, fold, get_order, get_order_at, list_events
from nexus.orders.services.restore import drop_orders, rebuild_orders, restore_orders
from tests.orders.conftest import Shop
from tests.standoff import second_of_two

pytestmark = pytest.mark.django_db(databases=["orders"])


def rows() -> list[tuple[object, ...]]:
    """Both tables, whole."""
    with connections[DATABASE].cursor() as cursor:
        cursor.execute("SELECT * FROM orders_order ORDER BY id")
        orders = cursor.fetchall()
        cursor.execute("SELECT * FROM orders_orderline ORDER BY order_id, position")
        return [*orders, *cursor.fetchall()]


@pytest.fixture
def lives(shop: Shop) -> list[OrderView]:
    """Orders at every stage of life."""
    orders = [shop.places(LAMP=number, SHADE=1) for number in range(1, 6)]
    shop.hears(*(StockReserved(order_id=order.id) for order in orders[1:4]))
    shop.hears(StockRejected(order_id=orders[4].id, skus=("LAMP",)))
    services.ship_order(order_id=orders[2].id)
    services.cancel_order(order_id=orders[3].id)
    return orders


class TestFold:
    def test_is_the_row_at_every_stage(self, lives: list[OrderView]) -> None:
        folded = find_folded([order.id for order in lives])

        for order in lives:
            shown = get_order(order_id=order.id)
            assert {name: getattr(shown, name) for name in vars(folded[order.id])} == vars(folded[order.id])

    @pytest.mark.parametrize(
        ("spoil", "complaint"),
        [
            (lambda told: told[1:], "begins with orders.order-confirmed.v1"),
            (lambda told: [told[0], told[2]], "order-shipped.v1 3 after placed 1"),
            (lambda told: [told[0], enclose(told[2].data, sequence=2)], "order-shipped.v1 2 after placed 1"),
            (lambda told: [*told, enclose(told[0].data, sequence=4)], "order-placed.v1 4 after shipped 3"),
        ],
    )
    def test_refuses_what_is_no_life(self, shop: Shop, spoil: Callable[..., list[object]], complaint: str) -> None:
        order = shop.places(LAMP=1)
        told = list_events(order_id=order.id)
        told = [
            *told,
            enclose(OrderConfirmed(order_id=order.id), sequence=2),
            enclose(OrderShipped(order_id=order.id), sequence=3),
        ]
        assert isinstance(told[0].data, OrderPlaced)
        assert fold(told).status == "shipped"

        with pytest.raises(BrokenHistory, match=complaint):
            fold(spoil(told))


class TestALostRow:
    def test_is_read_from_the_events(self, shop: Shop, lives: list[OrderView]) -> None:
        shown = [get_order(order_id=order.id) for order in lives]

        drop_orders()

        assert [get_order(order_id=order.id) for order in lives] == shown

    def test_is_still_only_its_customers(self, shop: Shop, lives: list[OrderView]) -> None:
        drop_orders()

        with pytest.raises(OrderNotFound):
            get_order(order_id=lives[0].id, customer_id=uuid4())

    def test_comes_back_when_the_order_moves_on(self, shop: Shop) -> None:
        lost, kept = shop.places(LAMP=1), shop.places(LAMP=2)
        Order.objects.filter(id=lost.id).delete()
        OrderLine.objects.filter(order_id=lost.id).delete()

        shop.hears(StockReserved(order_id=lost.id), StockReserved(order_id=kept.id))

        assert [shop.status_of(order) for order in (lost, kept)] == ["confirmed", "confirmed"]
        assert shop.story_of(lost) == ["placed", "confirmed"]
        assert OrderLine.objects.filter(order_id=lost.id).count() == 1

    @pytest.mark.django_db(databases=["orders"], transaction=True)
    def test_that_somebody_else_is_just_restoring_still_moves_on(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        drop_orders()

        second_of_two(
            database=DATABASE,
            first=lambda: restore_orders([order.id]),
            second=lambda: shop.hears(StockReserved(order_id=order.id)),
        )

        assert shop.status_of(order) == "confirmed"


@pytest.mark.django_db(databases=["orders"], transaction=True)
class TestRebuilding:
    def test_brings_dropped_tables_back_to_the_letter(self, lives: list[OrderView]) -> None:
        before = rows()
        drop_orders()
        assert rows() == []

        assert sum(rebuild_orders()) == len(lives)

        assert rows() == before

    def test_puts_wrong_rows_right_and_leaves_right_ones_alone(self, lives: list[OrderView]) -> None:
        before = rows()
        Order.objects.filter(id=lives[0].id).update(status="shipped", total=1, version=7)
        OrderLine.objects.filter(order_id=lives[1].id, position=0).update(quantity=99)
        OrderLine.objects.filter(order_id=lives[2].id, position=1).delete()
        OrderLine.objects.create(order_id=lives[3].id, position=7, sku="X", name="X", quantity=1, unit_price=1)

        sum(rebuild_orders())

        assert rows() == before

    def test_leaves_notes_where_they_are(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        OrderNote.objects.create(order_id=order.id, customer_id=order.customer_id, text="ring twice")

        drop_orders()
        sum(rebuild_orders())

        assert get_order(order_id=order.id).note == "ring twice"


class TestTimeTravel:
    def test_shows_the_order_as_it_was(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        shop.hears(StockReserved(order_id=order.id))
        services.ship_order(order_id=order.id)
        placed, confirmed, shipped = (event.time for event in list_events(order_id=order.id))

        seen = [get_order_at(order_id=order.id, instant=at).status for at in (placed, confirmed, shipped)]

        assert seen == ["placed", "confirmed", "shipped"]
        with pytest.raises(OrderNotFound):
            get_order_at(order_id=order.id, instant=placed - timedelta(microseconds=1))
