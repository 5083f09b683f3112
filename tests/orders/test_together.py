"""Orders written on the event loop: which of them, at what prices, and what becomes of them when Postgres fails."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import uvloop
from django.db import IntegrityError, OperationalError, connections

from nexus.contracts.inventory import StockLevelChanged
from nexus.eventbus.postgresql.door import doors
from nexus.eventbus.stores.postgres_rows import connect
from nexus.orders import services
from nexus.orders.exceptions import NotForSale, OutOfStock
from nexus.orders.models import DATABASE, Order, OrderLine
from nexus.orders.selectors import OrderView
from nexus.orders.services import numbers, together
from nexus.telemetry import figures
from tests.orders.conftest import Shop
from tests.statements import statements

pytestmark = pytest.mark.django_db(databases=["orders"], transaction=True)
PLACING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class Thread(Executor):
    """One thread that counts what it is given."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.futures: list[Future[Any]] = []
        self._pool = ThreadPoolExecutor(1)

    def submit(self, work: Any, /, *args: Any, **more: Any) -> Future[Any]:
        self.given.append(work.__name__)
        self.futures.append(self._pool.submit(work, *args, **more))
        return self.futures[-1]

    def end(self) -> None:
        self._pool.submit(connections.close_all).result()
        self._pool.shutdown()


@pytest.fixture
def thread(shop: Shop) -> Iterator[Thread]:
    thread = Thread()
    numbers._blocks.clear()
    numbers.fetch_numbers()
    yield thread
    thread.end()
    doors.clear()


@pytest.fixture
def known(shop: Shop) -> None:
    """A lamp that was sold before, so that its offer is remembered."""
    shop.places(LAMP=1)
    Order.objects.all().delete()
    OrderLine.objects.all().delete()


def wanted(shop: Shop, sku: str = "LAMP", *, key: str = "") -> services.Wanted:
    return services.Wanted(
        customer_id=shop.customer_id,
        lines=[services.Line(sku=sku, quantity=2, position=0)],
        currency="EUR",
        claim=services.Claim(key=key, fingerprint="f") if key else None,
    )


def run(scene: Coroutine[Any, Any, Any]) -> Any:
    async def inside() -> Any:
        try:
            async with asyncio.timeout(20):
                return await scene
        finally:
            together.line.hang_up()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(inside())


def place(orders: Sequence[services.Wanted], thread: Thread) -> list[Any]:
    outcomes: list[Any] = run(services.place_together(orders, thread=thread))
    return outcomes


def end_whoever_waits() -> None:
    with closing(connect(DATABASE)) as other:
        while not (found := other.execute(PLACING).fetchall()):
            continue
        other.execute("SELECT pg_terminate_backend(%s, 5000)", found[0])


@pytest.mark.usefixtures("known")
class TestOnTheLoop:
    def test_writes_what_is_known_without_a_thread(self, shop: Shop, thread: Thread) -> None:
        before = figures.idempotency.labels("new")._value.get()

        first, second = place([wanted(shop), wanted(shop, key="k")], thread)

        assert thread.given == []
        assert figures.idempotency.labels("new")._value.get() == before + 1
        assert {first.id, second.id} == set(Order.objects.values_list("id", flat=True))
        assert (first.total, second.number != first.number) == (2 * 1990, True)
        assert shop.story_of(first) == shop.story_of(second) == ["placed"]

    def test_leaves_to_the_thread_what_has_to_be_looked_up(self, shop: Shop, thread: Thread) -> None:
        outcomes = place([wanted(shop), wanted(shop, "SHADE")], thread)

        assert thread.given == ["place_waiting_orders"]
        assert [outcome.total for outcome in outcomes] == [2 * 1990, 2 * 500]

    def test_leaves_many_to_the_thread(self, shop: Shop, thread: Thread) -> None:
        few = place([wanted(shop)] * services.FEW, thread)
        assert "place_waiting_orders" not in thread.given

        many = place([wanted(shop)] * (services.FEW + 1), thread)

        assert thread.given[-1] == "place_waiting_orders"
        assert Order.objects.count() == len(few) + len(many)

    def test_leaves_many_lines_to_the_thread(self, shop: Shop, thread: Thread, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(together, "FEW_LINES", 3)

        place([wanted(shop)] * 3, thread)
        assert thread.given == []
        place([wanted(shop)] * 4, thread)

        assert thread.given == ["place_waiting_orders"]

    def test_has_numbers_fetched_by_one_at_a_time(self, shop: Shop, thread: Thread) -> None:
        may_go = threading.Event()
        thread.submit(may_go.wait, 30)
        numbers.numbers_at_hand(40)

        place([wanted(shop)], thread)
        place([wanted(shop)], thread)
        may_go.set()

        assert thread.given == ["wait", "_fetch_numbers"]

    def test_has_a_price_that_changed_looked_up_and_places_the_others_meanwhile(
        self, shop: Shop, thread: Thread, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def place_waiting_orders(orders: Sequence[services.Wanted]) -> Any:
            with statements(DATABASE) as seen:
                found = together_placed(orders)
            asked.extend(seen)
            return found

        asked: list[str] = []
        together_placed = together.place_waiting_orders
        monkeypatch.setattr(together, "place_waiting_orders", place_waiting_orders)
        shop.places(SHADE=1)
        shop.sells("LAMP", EUR=9999, version=2)

        dear, same = place([wanted(shop), wanted(shop, "SHADE")], thread)

        assert (dear.total, same.total) == (2 * 9999, 2 * 500)
        assert thread.given == ["place_waiting_orders"]
        assert len(asked) == 2, "it is not tried at the old price again"

    def test_refuses_what_is_sold_out_meanwhile(self, shop: Shop, thread: Thread) -> None:
        shop.hears(StockLevelChanged(sku="LAMP", available=0, version=4))

        [refused] = place([wanted(shop)], thread)

        assert isinstance(refused, OutOfStock)

    def test_refuses_an_order_that_is_wrong_by_itself(self, shop: Shop, thread: Thread) -> None:
        yen = services.Wanted(customer_id=shop.customer_id, lines=wanted(shop).lines, currency="JPY")

        wrong, right = place([yen, wanted(shop)], thread)

        assert isinstance(wrong, NotForSale)
        assert isinstance(right, OrderView)

    def test_writes_nothing_under_a_key_that_was_used(self, shop: Shop, thread: Thread) -> None:
        first, again = place([wanted(shop, key="k"), wanted(shop, key="k")], thread)

        assert isinstance(first, OrderView)
        assert isinstance(again, services.NotTogether)
        assert Order.objects.count() == 1

    def test_has_numbers_fetched_before_they_run_out(self, shop: Shop, thread: Thread) -> None:
        placed = [order for _ in range(10) for order in place([wanted(shop)] * 9, thread)]

        assert set(thread.given) == {"_fetch_numbers"}
        given = sorted(int(order.number[-6:]) for order in placed)
        assert given == list(range(given[0], given[0] + 90)), "and none is lost"

    def test_has_them_fetched_even_if_there_are_none(self, shop: Shop, thread: Thread) -> None:
        numbers.numbers_at_hand(numbers.BLOCK)

        [order] = place([wanted(shop)], thread)

        assert thread.given == ["place_waiting_orders"]
        assert order.number.startswith("N-")


@pytest.mark.usefixtures("known")
class TestWhenItFails:
    def test_one_that_spoils_the_statement_leaves_the_others_to_be_placed_alone(
        self, shop: Shop, thread: Thread, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(together, "numbers_at_hand", lambda count: ["N-2026-000001"] * count)

        both = place([wanted(shop), wanted(shop)], thread)

        assert [type(each) for each in both] == [services.NotTogether] * 2
        assert not Order.objects.exists()

    def test_one_that_cannot_be_written_alone_is_said_to_be(
        self, shop: Shop, thread: Thread, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(together, "numbers_at_hand", lambda count: ["N-2026-000001"] * count)
        place([wanted(shop)], thread)

        [failed] = place([wanted(shop)], thread)

        assert isinstance(failed, IntegrityError)

    def test_one_that_cannot_be_written_says_nothing_of_those_that_were_not_tried(
        self, shop: Shop, thread: Thread, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(together, "numbers_at_hand", lambda count: ["N-2026-000001"] * count)
        place([wanted(shop)], thread)
        shop.hears(StockLevelChanged(sku="SHADE", available=0, version=4))
        with pytest.raises(OutOfStock):
            shop.places(SHADE=1)
        shop.hears(StockLevelChanged(sku="SHADE", available=9, version=5))

        failed, placed = place([wanted(shop), wanted(shop, "SHADE")], thread)

        assert isinstance(failed, IntegrityError)
        assert isinstance(placed, OrderView)

    def test_nobody_can_tell_what_became_of_it_when_the_server_ends(self, shop: Shop, thread: Thread) -> None:
        async def scene() -> None:
            await services.place_together([wanted(shop)], thread=thread)
            with closing(connect(DATABASE)) as other, other.transaction():
                other.execute("LOCK TABLE orders_order")
                placing = asyncio.create_task(services.place_together([wanted(shop)], thread=thread))
                await asyncio.to_thread(end_whoever_waits)
                [unknown] = await placing
                assert isinstance(unknown, OperationalError)
            [placed] = await services.place_together([wanted(shop)], thread=thread)
            assert isinstance(placed, OrderView)

        run(scene())

        assert Order.objects.count() == 2

    def test_a_server_that_keeps_silent_is_given_up_and_left_alone(
        self, shop: Shop, thread: Thread, settings: Any
    ) -> None:
        settings.STATEMENT_SECONDS = -0.7

        async def scene() -> None:
            await services.place_together([wanted(shop)], thread=thread)
            with closing(connect(DATABASE)) as other, other.transaction():
                other.execute("LOCK TABLE orders_order")
                [unknown] = await services.place_together([wanted(shop)], thread=thread)
                assert isinstance(unknown, OperationalError)
                assert "does not answer" in str(unknown)

            assert not together.line._door.is_open
            assert await together._ready([wanted(shop)]) is None

        run(scene())

    def test_a_server_that_has_rested_is_asked_again(
        self, shop: Shop, thread: Thread, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def scene() -> None:
            await services.place_together([wanted(shop)], thread=thread)
            together.line._door.failed()
            assert await together._ready([wanted(shop)]), "the connection stands"
            together.line.hang_up()
            assert await together._ready([wanted(shop)]) is None
            monkeypatch.setattr(together.line._door, "_shut_until", 0.0)
            assert await together._ready([wanted(shop)])
            assert together.line._door.is_open

        run(scene())

    def test_whom_nobody_can_be_reached_for_is_left_to_the_thread(
        self, shop: Shop, thread: Thread, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def nobody() -> Any:
            raise psycopg.OperationalError("too many clients")

        monkeypatch.setattr(together.line, "_dial", nobody)

        [order] = place([wanted(shop)], thread)

        assert thread.given == ["place_waiting_orders"]
        assert isinstance(order, OrderView)

    def test_what_is_placed_stays_placed_when_the_rest_fails(
        self, shop: Shop, thread: Thread, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def place_waiting_orders(_: object) -> Any:
            raise OperationalError("away")

        shop.places(SHADE=1)
        shop.sells("SHADE", EUR=700, version=2)
        monkeypatch.setattr(together, "place_waiting_orders", place_waiting_orders)

        placed, failed = place([wanted(shop), wanted(shop, "SHADE")], thread)

        assert isinstance(placed, OrderView)
        assert isinstance(failed, OperationalError)

    def test_numbers_that_cannot_be_fetched_are_no_failure(
        self, shop: Shop, thread: Thread, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away() -> None:
            raise OperationalError("away")

        monkeypatch.setattr(together, "fetch_numbers", away)
        numbers.numbers_at_hand(40)

        [order] = place([wanted(shop)], thread)

        assert isinstance(order, OrderView)
        assert thread.given == ["_fetch_numbers"]
        assert thread.futures[0].exception() is None


def test_a_stranger_with_the_same_key_is_somebody_else(shop: Shop, known: None, thread: Thread) -> None:
    theirs = services.Wanted(**(vars(wanted(shop, key="k")) | {"customer_id": uuid4()}))

    outcomes = place([wanted(shop, key="k"), theirs], thread)

    assert len({order.id for order in outcomes}) == 2
