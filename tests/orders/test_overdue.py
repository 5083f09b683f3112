"""Orders that wait too long for their verdict."""

from datetime import datetime, timedelta, tzinfo

import pytest
from django.utils import timezone

from nexus.contracts.inventory import StockReserved
from nexus.contracts.orders import OrderOverdue
from nexus.orders import services
from nexus.orders.models import Order, store
from nexus.orders.selectors import OrderView, list_events
from nexus.orders.services import transitions
from nexus.orders.services.promises import count_overdue
from tests.orders.conftest import Shop

pytestmark = pytest.mark.django_db(databases=["orders"])


def long_ago(order: OrderView, seconds: int) -> None:
    """As if the order had been placed, or last driven on, that many seconds ago."""
    then = timezone.now() - timedelta(seconds=seconds)
    Order.objects.filter(id=order.id).update(placed_at=then, updated_at=then)


class TestDrivingOn:
    def test_tells_that_the_order_waits_with_its_lines(self, shop: Shop) -> None:
        order = shop.places(LAMP=2, SHADE=1)
        long_ago(order, 61)

        assert services.drive_on_overdue_orders() == 1

        told = list_events(order_id=order.id)[-1]
        assert told.data == OrderOverdue(order_id=order.id, lines=tuple(order.lines))
        assert told.causation_id == str(list_events(order_id=order.id)[0].id)
        assert shop.status_of(order) == "placed"

    def test_leaves_orders_alone_that_have_not_waited_long(self, shop: Shop) -> None:
        shop.places(LAMP=1)

        assert services.drive_on_overdue_orders() == 0

    def test_leaves_orders_alone_that_have_their_verdict(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        shop.hears(StockReserved(order_id=order.id))
        long_ago(order, 3600)

        assert services.drive_on_overdue_orders() == 0

    def test_waits_twice_as_long_each_time(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        driven = []

        for seconds in (61, 61, 121, 121, 241):
            long_ago(order, seconds)
            driven.append(services.drive_on_overdue_orders())

        assert driven == [1, 0, 1, 0, 1]
        assert shop.story_of(order) == ["placed", "overdue", "overdue", "overdue"]

    def test_goes_on_to_the_end_in_small_transactions(self, shop: Shop) -> None:
        orders = [shop.places(LAMP=1) for _ in range(5)]
        for order in orders:
            long_ago(order, 61)

        assert services.drive_on_overdue_orders(batch=2) == 5

    def test_tells_an_order_once_also_where_the_clock_is_behind(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Behind(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:
                return datetime.now(tz) - timedelta(hours=3)

        orders = [shop.places(LAMP=1) for _ in range(3)]
        for order in orders:
            long_ago(order, 61)
        monkeypatch.setattr(transitions, "datetime", Behind)

        assert services.drive_on_overdue_orders(batch=2) == 3
        assert {tuple(shop.story_of(order)) for order in orders} == {("placed", "overdue")}

    def test_does_not_keep_the_verdict_from_coming(self, shop: Shop) -> None:
        order = shop.places(LAMP=1)
        long_ago(order, 61)
        services.drive_on_overdue_orders()

        shop.hears(StockReserved(order_id=order.id))

        assert shop.story_of(order) == ["placed", "overdue", "confirmed"]
        assert [record.sequence for record in store.stream(str(order.id))] == [1, 2, 3]


class TestMetric:
    def test_counts_orders_that_wait_too_long(self, shop: Shop) -> None:
        orders = [shop.places(LAMP=1) for _ in range(3)]
        for order in orders[:2]:
            long_ago(order, 61)

        assert count_overdue() == 2
