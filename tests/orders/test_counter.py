"""The queue of orders on the express lane: bounded in length and in time, and each gets an answer of its own."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError

from nexus.orders import services
from nexus.orders.api import express, waiting
from nexus.orders.api.waiting import Counter
from nexus.orders.exceptions import NotForSale
from nexus.web.express.lane import Busy


def wanted() -> services.Wanted:
    return services.Wanted(customer_id=uuid4(), lines=[], currency="EUR")


class Desk:
    """Writes orders in place of the database, when it is let."""

    def __init__(self) -> None:
        self.batches: list[Sequence[services.Wanted]] = []
        self.may_write = threading.Event()
        self.answer: Callable[[services.Wanted], Any] = lambda order: order

    def __call__(self, orders: Sequence[services.Wanted]) -> list[Any]:
        self.batches.append(orders)
        assert self.may_write.wait(30)
        return [self.answer(order) for order in orders]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    desk = Desk()

    async def place_together(orders: Sequence[services.Wanted], *, thread: Executor) -> Any:
        return await asyncio.get_running_loop().run_in_executor(thread, desk, orders)

    monkeypatch.setattr(services, "place_together", place_together)
    yield desk
    desk.may_write.set()


async def begun(desk: Desk) -> None:
    while not desk.batches:
        await asyncio.sleep(0.001)


class TestCounter:
    def test_writes_together_what_waits_at_the_same_moment(self, desk: Desk) -> None:
        async def scene() -> None:
            counter = Counter()
            first = counter.place(wanted())
            await begun(desk)
            others = [counter.place(wanted()) for _ in range(5)]
            desk.may_write.set()
            await asyncio.gather(first, *others)

        asyncio.run(scene())

        assert [len(batch) for batch in desk.batches] == [1, 5]

    def test_takes_no_batch_larger_than_it_should_be(self, desk: Desk) -> None:
        async def scene() -> None:
            counter = Counter()
            desk.may_write.set()
            await asyncio.gather(*(counter.place(wanted()) for _ in range(waiting.LARGEST_BATCH + 3)))

        asyncio.run(scene())

        assert [len(batch) for batch in desk.batches] == [waiting.LARGEST_BATCH, 3]

    def test_gives_each_an_outcome_of_its_own(self, desk: Desk) -> None:
        async def scene() -> list[Any]:
            counter, orders = Counter(), [wanted() for _ in range(3)]
            desk.answer = lambda order: NotForSale() if order is orders[1] else order
            desk.may_write.set()
            return await asyncio.gather(*map(counter.place, orders), return_exceptions=True)

        good, bad, also_good = asyncio.run(scene())

        assert isinstance(bad, NotForSale)
        assert isinstance(good, services.Wanted)
        assert isinstance(also_good, services.Wanted)

    def test_tells_all_of_a_batch_when_the_database_is_away_and_goes_on(self, desk: Desk) -> None:
        def away(order: services.Wanted) -> Any:
            raise OperationalError("away")

        async def scene() -> list[Any]:
            counter = Counter()
            desk.answer = away
            desk.may_write.set()
            failed = await asyncio.gather(*(counter.place(wanted()) for _ in range(3)), return_exceptions=True)
            desk.answer = lambda order: order
            return [*failed, await counter.place(wanted())]

        *failed, placed = asyncio.run(scene())

        assert [type(each) for each in failed] == [OperationalError] * 3
        assert isinstance(placed, services.Wanted)

    def test_refuses_at_once_whom_it_has_no_room_for(self, desk: Desk) -> None:
        async def scene() -> None:
            counter = Counter()
            placed = [counter.place(wanted())]
            await begun(desk)
            placed += [counter.place(wanted()) for _ in range(waiting.MOST_WAITING)]
            assert counter.room() == 0
            with pytest.raises(Busy):
                counter.place(wanted())
            desk.may_write.set()
            await asyncio.gather(*placed)

        asyncio.run(scene())

        assert sum(map(len, desk.batches)) == waiting.MOST_WAITING + 1

    def test_who_comes_when_a_batch_is_done_is_in_the_next(self, desk: Desk) -> None:
        """Or is refused: the event loop gets to read what has come meanwhile before the next batch is begun."""

        async def scene() -> None:
            counter = Counter()
            late: list[waiting.Outcome] = []
            first = counter.place(wanted())
            first.add_done_callback(lambda _: late.append(counter.place(wanted())))
            await begun(desk)
            second = counter.place(wanted())
            desk.may_write.set()
            await asyncio.gather(first, second)
            await asyncio.gather(*late)

        asyncio.run(scene())

        assert [len(batch) for batch in desk.batches] == [1, 2]

    def test_waits_a_moment_for_as_many_as_there_were(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(waiting, "COMPANY", 30)

        async def scene() -> None:
            counter = Counter()
            desk.may_write.set()
            await asyncio.gather(*(counter.place(wanted()) for _ in range(3)))
            again = [counter.place(wanted()), counter.place(wanted())]
            for _ in range(20):
                await asyncio.sleep(0)
            assert len(desk.batches) == 1
            await asyncio.gather(*again, counter.place(wanted()))
            counter._serving.cancel()

        asyncio.run(scene())

        assert [len(batch) for batch in desk.batches] == [3, 3]

    def test_waits_no_longer_than_that(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(waiting, "COMPANY", 0.01)

        async def scene() -> None:
            counter = Counter()
            desk.may_write.set()
            await asyncio.gather(*(counter.place(wanted()) for _ in range(3)))
            await counter.place(wanted())

        asyncio.run(scene())

        assert [len(batch) for batch in desk.batches] == [3, 1]

    def test_lets_nobody_wait_who_is_alone(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(waiting, "COMPANY", 30)

        async def scene() -> None:
            counter = Counter()
            desk.may_write.set()
            for _ in range(3):
                await counter.place(wanted())
            counter._serving.cancel()

        asyncio.run(scene())

        assert [len(batch) for batch in desk.batches] == [1, 1, 1]

    def test_waits_for_no_more_than_are_worth_it(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(waiting, "COMPANY", 30)

        async def scene() -> None:
            counter = Counter()
            desk.may_write.set()
            await asyncio.gather(*(counter.place(wanted()) for _ in range(waiting.MOST_COMPANY + 5)))
            await asyncio.gather(*(counter.place(wanted()) for _ in range(waiting.MOST_COMPANY)))
            counter._serving.cancel()

        asyncio.run(scene())

        assert [len(batch) for batch in desk.batches] == [waiting.MOST_COMPANY + 5, waiting.MOST_COMPANY]

    def test_keeps_a_place_for_whom_it_counts_at_the_door(self) -> None:
        class AtTheDoor:
            def __init__(self) -> None:
                self.counted = asyncio.Event()

            async def admit(self) -> None:
                await self.counted.wait()

        async def scene() -> list[int]:
            counter, exchange = Counter(), AtTheDoor()
            room = [counter.room()]
            counting = asyncio.ensure_future(counter.admit(exchange))  # type: ignore[arg-type]
            await asyncio.sleep(0)
            room.append(counter.room())
            exchange.counted.set()
            await counting
            return [*room, counter.room()]

        most = waiting.MOST_WAITING
        assert asyncio.run(scene()) == [most, most - 1, most]

    def test_refuses_who_waited_long_enough_without_having_done_anything(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(waiting, "LONGEST_WAIT", 0.05)

        async def scene() -> Any:
            counter = Counter()
            first = counter.place(wanted())
            await begun(desk)
            [late] = await asyncio.gather(counter.place(wanted()), return_exceptions=True)
            desk.may_write.set()
            await first
            return late

        assert isinstance(asyncio.run(scene()), Busy)
        assert [len(batch) for batch in desk.batches] == [1]

    def test_places_nothing_for_who_has_left(self, desk: Desk) -> None:
        async def scene() -> None:
            counter = Counter()
            first = counter.place(wanted())
            await begun(desk)
            counter.place(wanted()).cancel()
            desk.may_write.set()
            await first

        asyncio.run(scene())

        assert [len(batch) for batch in desk.batches] == [1]


class TestUnderstanding:
    def test_remembers_short_bodies_alone(self) -> None:
        """Long ones would fill the memory."""
        short = json.dumps({"lines": [{"sku": "LAMP", "quantity": 1}]}).encode()
        long = short + b" " * express.SHORT
        express._understand.cache_clear()

        for body in (short, short, long, long):
            assert express._asked_by(body) == express._understand(short)

        assert express._understand.cache_info().currsize == 1

    def test_gives_equal_orders_equal_digests_however_they_are_written(self) -> None:
        plain, spaced = b'{"lines":[{"sku":"A","quantity":1}]}', b'{"lines": [ {"quantity": 1, "sku": "A"} ] }'

        assert express._understand(plain) == express._understand(spaced)
