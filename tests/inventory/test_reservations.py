"""Setting aside, letting go, taking out, putting back: exactly once, and never more than there is."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, connections, transaction

from nexus.contracts.base import enclose, uuid7
from nexus.inventory import services
from nexus.inventory.models import DATABASE, DeadLetter, LedgerEntry, Location, Reason, Reservation, Stock
from nexus.inventory.services.reserve import Wanted
from tests.inventory.conftest import Stockroom

pytestmark = pytest.mark.django_db(databases=["inventory"])
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class TestReserveStock:
    def test_sets_every_line_aside_and_says_so(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5, SHADE=1)

        order_id = stockroom.reserve(LAMP=2, SHADE=1)

        assert stockroom.reserved() == {"LAMP": 2, "SHADE": 1}
        assert stockroom.told_about(order_id) == ["StockReserved"]

    def test_rejects_the_whole_order_when_one_line_is_short(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5, SHADE=1)

        order_id = stockroom.reserve(LAMP=1, SHADE=2)

        assert stockroom.told_about(order_id) == ["StockRejected"]
        assert stockroom.reserved() == {"LAMP": 0, "SHADE": 0}

    def test_rejects_what_it_does_not_know(self, stockroom: Stockroom) -> None:
        order_id = stockroom.reserve(GHOST=1)

        assert stockroom.told_about(order_id) == ["StockRejected"]

    def test_serves_a_batch_first_come_first_served(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=3)
        orders = [stockroom.order(LAMP=2), stockroom.order(LAMP=2), stockroom.order(LAMP=1)]

        stockroom.hears(*orders)

        verdicts = [stockroom.told_about(order.order_id) for order in orders]
        assert verdicts == [["StockReserved"], ["StockRejected"], ["StockReserved"]]
        assert stockroom.books_balance()

    def test_announces_each_level_once_per_batch(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=10)
        before = len(stockroom.told_about("LAMP"))

        stockroom.hears(*(stockroom.order(LAMP=1) for _ in range(6)))

        assert len(stockroom.told_about("LAMP")) == before + 1

    def test_takes_from_the_first_location_that_has_enough(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=1)
        Location.objects.create(code="annex", name="Annex", rank=50)
        services.adjust_stock(sku="LAMP", quantity=5, reason=Reason.RECEIVED, location="annex")

        stockroom.reserve(LAMP=3)

        assert dict(Stock.objects.values_list("location__code", "reserved")) == {"main": 0, "annex": 3}

    def test_takes_from_several_locations_when_none_has_enough(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=2)
        Location.objects.create(code="annex", name="Annex", rank=50)
        services.adjust_stock(sku="LAMP", quantity=2, reason=Reason.RECEIVED, location="annex")

        order_id = stockroom.reserve(LAMP=3)

        assert dict(Stock.objects.values_list("location__code", "reserved")) == {"main": 2, "annex": 1}
        stockroom.cancel(order_id)
        assert stockroom.reserved() == {"LAMP": 0}

    def test_does_nothing_for_an_order_that_is_told_again(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        told = [enclose(stockroom.order(LAMP=2), sequence=1)]

        outcomes = [stockroom.hears_again(told) for _ in range(3)]

        assert [outcome.applied for outcome in outcomes] == [1, 0, 0]
        assert stockroom.reserved() == {"LAMP": 2}

    def test_does_nothing_for_an_order_that_was_cancelled_before_it_came(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        order = stockroom.order(LAMP=2)

        stockroom.cancel(order.order_id)
        stockroom.hears(order)

        assert stockroom.reserved() == {"LAMP": 0}
        assert stockroom.told_about(order.order_id) == []


class TestSettling:
    def test_a_cancelled_order_gives_its_stock_back_once(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        order_id = stockroom.reserve(LAMP=2)

        stockroom.cancel(order_id)
        stockroom.cancel(order_id)

        assert stockroom.reserved() == {"LAMP": 0}
        assert stockroom.state_of(order_id) == "released"
        assert stockroom.books_balance()

    def test_a_shipped_order_takes_its_goods_out(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        order_id = stockroom.reserve(LAMP=2)

        stockroom.ship(order_id)

        assert (stockroom.on_hand(), stockroom.reserved()) == ({"LAMP": 3}, {"LAMP": 0})
        assert stockroom.books_balance()

    def test_a_returned_order_puts_them_back(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        order_id = stockroom.reserve(LAMP=2)

        stockroom.ship(order_id)
        stockroom.take_back(order_id)
        stockroom.take_back(order_id)

        assert (stockroom.on_hand(), stockroom.reserved()) == ({"LAMP": 5}, {"LAMP": 0})
        assert stockroom.books_balance()

    @pytest.mark.parametrize("expired_first", [False, True])
    def test_a_return_that_overtakes_its_shipment_loses_nothing(
        self, stockroom: Stockroom, expired_first: bool
    ) -> None:
        stockroom.has(LAMP=5)
        order_id = stockroom.reserve(LAMP=2)
        if expired_first:
            stockroom.expire(order_id, LONG_AGO)
            services.expire_reservations()

        stockroom.take_back(order_id)
        stockroom.ship(order_id)

        assert (stockroom.on_hand(), stockroom.reserved()) == ({"LAMP": 5}, {"LAMP": 0})
        assert stockroom.state_of(order_id) == "returned"
        assert stockroom.books_balance()

    def test_an_overdue_reservation_expires_and_says_so(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        order_id = stockroom.reserve(LAMP=2)
        stockroom.expire(order_id, LONG_AGO)

        assert services.expire_reservations() == 1

        assert stockroom.reserved() == {"LAMP": 0}
        assert stockroom.told_about(order_id) == ["StockReserved", "ReservationExpired"]
        assert services.expire_reservations() == 0

    def test_a_reservation_in_time_stays(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        order_id = stockroom.reserve(LAMP=2)
        stockroom.expire(order_id, datetime.now(UTC) + timedelta(hours=1))

        assert services.expire_reservations() == 0
        assert stockroom.state_of(order_id) == "held"

    def test_goods_shipped_after_expiry_are_taken_from_what_is_free(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        order_id = stockroom.reserve(LAMP=2)
        stockroom.expire(order_id, LONG_AGO)
        services.expire_reservations()

        stockroom.ship(order_id)

        assert (stockroom.on_hand(), stockroom.reserved()) == ({"LAMP": 3}, {"LAMP": 0})

    def test_goods_shipped_after_expiry_that_others_hold_become_a_dead_letter(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=2)
        late = stockroom.reserve(LAMP=2)
        stockroom.expire(late, LONG_AGO)
        services.expire_reservations()
        stockroom.reserve(LAMP=2)

        outcome = stockroom.ship(late)

        assert outcome.buried == 1
        assert "never_oversold" in DeadLetter.objects.get().error
        assert stockroom.books_balance()


class TestLastDefence:
    def test_the_database_refuses_to_oversell(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=1)

        with pytest.raises(IntegrityError, match="never_oversold"), transaction.atomic(using=DATABASE):
            Stock.objects.update(reserved=2)

    def test_the_ledger_refuses_change(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=1)

        for tamper in (
            lambda: LedgerEntry.objects.update(on_hand=99),
            lambda: LedgerEntry.objects.all().delete(),
        ):
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(using=DATABASE):
                tamper()

    def test_one_cause_moves_a_counter_once_even_past_the_inbox(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        order = stockroom.order(LAMP=1)
        told = enclose(order, sequence=1)
        wanted = Wanted(order_id=order.order_id, lines=[("LAMP", 1)], cause_id=told.id, cause=told.as_cause)
        services.reserve_stock([wanted])
        Reservation.objects.all().delete()

        with pytest.raises(IntegrityError, match="one_movement_per_cause"), transaction.atomic(using=DATABASE):
            services.reserve_stock([Wanted(order_id=uuid7(), lines=wanted.lines, cause_id=told.id, cause=wanted.cause)])


@pytest.mark.django_db(databases=["inventory"], transaction=True)
class TestUnderContention:
    BUYERS, UNITS = 120, 50

    def test_sells_exactly_what_there_is(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=self.UNITS)

        with ThreadPoolExecutor(12) as pool:
            orders = list(pool.map(lambda _: self._buy(stockroom, LAMP=1), range(self.BUYERS)))

        assert stockroom.reserved() == {"LAMP": self.UNITS}
        assert Reservation.objects.filter(state="held").count() == self.UNITS
        assert Reservation.objects.filter(state="rejected").count() == self.BUYERS - self.UNITS
        assert stockroom.books_balance()
        assert len(orders) == self.BUYERS

    def test_many_lines_in_any_order_never_lock_each_other_out(self, stockroom: Stockroom) -> None:
        skus = [f"SKU{n}" for n in range(8)]
        stockroom.has(**dict.fromkeys(skus, 1000))

        def buy(turn: int) -> UUID:
            wanted = skus[turn % 8 :] + skus[: turn % 8]
            return self._buy(stockroom, **dict.fromkeys(wanted if turn % 2 else wanted[::-1], 1))

        with ThreadPoolExecutor(8) as pool:
            orders = list(pool.map(buy, range(80)))

        assert set(stockroom.reserved().values()) == {80}
        assert {stockroom.state_of(order_id) for order_id in orders} == {"held"}

    def test_cancelling_while_it_is_reserved_leaves_nothing_behind(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=100)
        orders = [stockroom.order(LAMP=1) for _ in range(30)]

        def cross(step: int) -> None:
            try:
                order = orders[step // 2]
                stockroom.hears(order) if step % 2 else stockroom.cancel(order.order_id)
            finally:
                connections[DATABASE].close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(cross, range(60)))

        assert stockroom.reserved() == {"LAMP": 0}
        assert {stockroom.state_of(order.order_id) for order in orders} == {"released"}

    @staticmethod
    def _buy(stockroom: Stockroom, **quantities: int) -> UUID:
        try:
            return stockroom.reserve(**quantities)
        finally:
            connections[DATABASE].close()
