"""
Refusing what is sold out to many at once: in a sale far more come too late than in time.

PostgreSQL says each time anew whether something is sold out, and whether a key has placed something before; only that
one look serves all who wait, and none of them costs a task, a statement or a question to Redis of its own.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from nexus.orders import services
from nexus.orders.exceptions import OutOfStock
from nexus.orders.services import Doubtful
from nexus.web.express import Exchange, Reply
from nexus.web.express.routes import Found

LARGEST_BATCH = 256
MOST_WAITING = 512
LONGEST_WAIT = 1.0
"""Seconds until PostgreSQL is taken to be too slow."""
MOST_SKUS = 1_000
log = logging.getLogger("nexus.orders")


class Case(msgspec.Struct):
    """A request that has been taken over."""

    exchange: Exchange
    order: Doubtful
    answer: Callable[[Found], None]


class SoldOutDesk:
    """Takes over orders for what was sold out when last heard of."""

    def __init__(self) -> None:
        self._sold_out: OrderedDict[str, None] = OrderedDict()
        self._waiting: list[Case] = []
        self._serving: asyncio.Task[None] | None = None

    @property
    def knows_anything(self) -> bool:
        """Whether anything was sold out when last heard of."""
        return bool(self._sold_out)

    def learn(self, skus: Sequence[str]) -> None:
        """These have been found sold out."""
        for sku in skus:
            self._sold_out[sku] = None
            self._sold_out.move_to_end(sku)
        while len(self._sold_out) > MOST_SKUS:
            self._sold_out.popitem(last=False)

    def knows_any(self, skus: frozenset[str]) -> bool:
        """Whether one of these was sold out when last heard of."""
        return not skus.isdisjoint(self._sold_out)

    def take(self, case: Case) -> bool:
        """Answer it soon, if there is room."""
        if len(self._waiting) >= MOST_WAITING:
            return False
        self._waiting.append(case)
        if self._serving is None:
            self._serving = asyncio.get_running_loop().create_task(self._serve())
        return True

    async def _serve(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
                await self._decide(batch)
        finally:
            self._serving = None

    async def _decide(self, batch: Sequence[Case]) -> None:
        passed = []
        for case, refused in zip(batch, await self._counted(batch), strict=True):
            if refused:
                _answer(case, refused)
            else:
                passed.append(case)
        if passed:
            for case, sold_out in zip(passed, await self._found(passed), strict=True):
                _answer(case, sold_out)

    async def _counted(self, cases: Sequence[Case]) -> Sequence[Reply | None]:
        try:
            return await Exchange.admit_all([case.exchange for case in cases])
        except Exception:
            # Whoever is not answered here waits for ever.
            log.exception("orders could not be counted together")
            return [None] * len(cases)

    async def _found(self, cases: Sequence[Case]) -> Sequence[OutOfStock | None]:
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                return await self._look([case.order for case in cases])
        except Exception as why:  # noqa: BLE001  whatever it was, the usual way has an answer
            log.warning("what is sold out is not known for now: %r", why)
            self._sold_out.clear()
            return [None] * len(cases)

    async def _look(self, orders: Sequence[Doubtful]) -> Sequence[OutOfStock | None]:
        found = await services.find_sold_out(orders)
        if all(found):
            return found
        still = {sku for why in found if why for sku in why.skus}
        for sku in {line.sku for order in orders for line in order.lines} - still:
            self._sold_out.pop(sku, None)
        return found


def _answer(case: Case, found: Found) -> None:
    try:
        case.answer(found)
    except Exception:
        # The others are waiting.
        log.exception("%s could not be answered", case.exchange.path)


desk = SoldOutDesk()
