"""
Where orders wait, and are written together with whatever else waits at this moment.

While one batch is being written the next one gathers; then, for a moment, it waits for those who were there just now.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from nexus.orders import services
from nexus.orders.selectors import OrderView
from nexus.telemetry import figures, tracing
from nexus.web.express import Exchange, Reply
from nexus.web.express.early import Busy

LARGEST_BATCH = 192
MOST_WAITING = 256
LONGEST_WAIT = 1.0
"""Seconds in the queue; whoever waited longer is asked to come again before anything was done for them."""
COMPANY = 0.002
"""Seconds at most for which a batch waits for as many orders as there were when the last one was done."""
MOST_COMPANY = services.FEW
"""Orders that are worth waiting for; with as many at hand a batch begins at once."""
TURNS = 3
"""Of the event loop between two batches: what has come meanwhile is received, read (or refused), and queues up."""

Outcome = asyncio.Future[OrderView | Exception]
"""What becomes of an order; nothing is raised, since in a sale most of them are refused."""
Batch = list[tuple[services.Wanted, Outcome]]


class Counter:
    """Where orders queue up. Many are written at a time: several commits at once would only take turns."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[asyncio.TimerHandle, services.Wanted, Outcome]] = deque()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="orders")
        self._serving: asyncio.Task[None] | None = None
        self._coming = 0
        self._expected = 0
        self._gathered: asyncio.Future[None] | None = None

    def room(self) -> int:
        """How many more may queue up; who comes when there is none is told to come again."""
        return MOST_WAITING - len(self._waiting) - self._coming

    def pressure(self) -> float:
        """How full the queue is, of 1."""
        return (len(self._waiting) + self._coming) / MOST_WAITING

    async def admit(self, exchange: Exchange) -> Reply | None:
        """
        Count the request at the door, with a place in the queue kept for it: hundreds that find room in the same moment
        would each cost a question to Redis before most of them are sent away.
        """
        self._coming += 1
        try:
            return await exchange.admit()
        finally:
            self._coming -= 1

    def place(self, wanted: services.Wanted) -> Outcome:
        """
        The order once it is placed, or what `services.place_orders` says instead.

        :raises Busy: too many wait already
        """
        if self.room() <= 0:
            raise Busy
        loop = asyncio.get_running_loop()
        outcome: Outcome = loop.create_future()
        self._waiting.append((loop.call_later(LONGEST_WAIT, _refuse, outcome), wanted, outcome))
        if self._gathered and len(self._waiting) >= self._expected:
            _end(self._gathered)
        if self._serving is None:
            self._serving = loop.create_task(self._serve())
        return outcome

    async def _serve(self) -> None:
        try:
            while self._waiting:
                figures.pool_waiting.labels("orders").set(len(self._waiting))
                if batch := self._next():
                    await self._write(batch)
                    there = len(batch) + len(self._waiting)
                    for _ in range(TURNS):
                        await asyncio.sleep(0)
                    await self._gather(min(there, MOST_COMPANY))
        finally:
            figures.pool_waiting.labels("orders").set(0)
            self._serving = None

    async def _gather(self, expected: int) -> None:
        """
        Wait a moment until so many wait: whoever has an answer often has another order, and two batches cost nearly
        twice what one costs. A customer alone waits for nobody.
        """
        if len(self._waiting) >= expected:
            return
        loop = asyncio.get_running_loop()
        self._expected, self._gathered = expected, loop.create_future()
        time_is_up = loop.call_later(COMPANY, _end, self._gathered)
        try:
            await self._gathered
        finally:
            time_is_up.cancel()
            self._gathered = None

    def _next(self) -> Batch:
        """The next batch, without those whose time is up or who have left."""
        batch: Batch = []
        while self._waiting and len(batch) < LARGEST_BATCH:
            time_is_up, wanted, outcome = self._waiting.popleft()
            time_is_up.cancel()
            if not outcome.done():
                batch.append((wanted, outcome))
                _trace(wanted, "wait for the batch", seconds=LONGEST_WAIT - (time_is_up.when() - _now()))
        return batch

    async def _write(self, batch: Batch) -> None:
        began = _now()
        found: Sequence[OrderView | Exception]
        try:
            found = await services.place_together([wanted for wanted, _ in batch], thread=self._writer)
        except Exception as failure:  # noqa: BLE001  each of those who wait hears of it
            found = [failure] * len(batch)
        for (wanted, outcome), what in zip(batch, found, strict=True):
            if not outcome.done():
                outcome.set_result(what)
            _trace(wanted, "write the batch", seconds=_now() - began)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _trace(wanted: services.Wanted, name: str, *, seconds: float) -> None:
    """What the order went through until now, if its request is traced."""
    if wanted.cause and tracing.is_chosen(wanted.cause.traceparent):
        ended = time.time()
        tracing.record(name, parent=wanted.cause.traceparent, began=ended - seconds, ended=ended)


def _end(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


def _refuse(outcome: Outcome) -> None:
    if not outcome.done():
        figures.shed.labels("waited").inc()
        outcome.set_result(Busy())


counter = Counter()
