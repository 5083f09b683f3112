"""
Placing an order on the express lane: validated at once, then written together with whatever else waits at this moment.

While one batch is being written the next one gathers; then, for a moment, it waits for those who were there just now.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings

from nexus.contracts.money import MINOR_DIGITS
from nexus.orders import services
from nexus.orders.api.refusals import Case, desk
from nexus.orders.api.serializers import MOST_LINES, as_json
from nexus.orders.exceptions import OutOfStock
from nexus.orders.selectors import OrderView
from nexus.telemetry import figures, tracing
from nexus.web.express import Exchange, Reply, Route
from nexus.web.express.early import Busy
from nexus.web.express.exchange import encode
from nexus.web.express.head import ANY_JSON
from nexus.web.express.lane import refusal
from nexus.web.express.routes import Found
from nexus.web.idempotency import LONGEST_KEY, fingerprint_of
from nexus.web.views import etag_of

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
SHORT = 512
"""Bytes of a body that is remembered once it is understood."""


class WantedLine(msgspec.Struct, forbid_unknown_fields=True):
    sku: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=services.LARGEST_QUANTITY)]


class WantedOrder(msgspec.Struct, forbid_unknown_fields=True):
    """What a customer sends when there is nothing to complain about; the serializer of the view complains."""

    lines: Annotated[list[WantedLine], msgspec.Meta(min_length=1, max_length=MOST_LINES)]
    currency: str = settings.CURRENCY
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""

    @property
    def is_plain(self) -> bool:
        """Whether the view would take every text as it is, and every line for one of its own."""
        texts = [self.note, *(line.sku for line in self.lines)]
        return (
            len({line.sku for line in self.lines}) == len(self.lines)
            and self.currency in MINOR_DIGITS
            and all(text.isprintable() and text == text.strip() for text in texts)
        )


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


def refuse_together(exchange: Exchange, answer: Callable[[Found], None]) -> bool:
    """Have the order refused together with others, if that is what will probably become of it."""
    if not desk.knows_anything or not _is_usual(exchange) or len(exchange.body) > SHORT:
        return False
    asked = _asked_by(exchange.body)
    if asked is None or not desk.knows_any(asked.skus):
        return False
    key = exchange.head.text(b"idempotency-key")
    customer_id = exchange.customer_id_with("orders")
    if customer_id is None or not _is_key(key):
        return False
    return desk.take(Case(exchange, services.Doubtful(customer_id, key, asked.lines, asked.order.currency), answer))


def _is_usual(exchange: Exchange) -> bool:
    named = exchange.head.named
    return not exchange.query and b"prefer" not in named and named.get(b"content-type", b"").startswith(ANY_JSON)


async def place_order(exchange: Exchange) -> Reply | None:
    """Place it, if it is an order like most; the view takes care of those that are wrong, repeated or waited for."""
    if not _is_usual(exchange):
        return None
    customer_id = exchange.customer_with("orders")
    if customer_id is None or (wanted := _read(exchange, customer_id)) is None:
        return None
    if refused := await counter.admit(exchange):
        return refused
    order = await counter.place(wanted)
    if isinstance(order, services.NotTogether):
        return None
    if isinstance(order, OutOfStock):
        desk.learn(order.skus)
    if isinstance(order, Exception):
        return refusal(order, exchange)
    answer = [
        ("Location", f"/api/v1/orders/{order.id}"),
        ("ETag", etag_of(order.id, order.version)),
    ]
    return Reply(status=201, body=encode(as_json(order)), headers=answer)


def _read(exchange: Exchange, customer_id: UUID) -> services.Wanted | None:
    key = exchange.head.text(b"idempotency-key")
    if not _is_key(key):
        return None
    if (asked := _asked_by(exchange.body)) is None:
        return None
    return services.Wanted(
        customer_id=customer_id,
        lines=asked.lines,
        currency=asked.order.currency,
        note=asked.order.note,
        claim=services.Claim(key=key, fingerprint=asked.fingerprint) if key else None,
        cause=exchange.cause,
    )


def _is_key(key: str | None) -> bool:
    """Whether it is one, or none was given."""
    return key is None or (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable())


class Asked(NamedTuple):
    """A body understood: the order, its lines as services know them, and the digest for its key."""

    order: WantedOrder
    lines: Sequence[services.Line]
    skus: frozenset[str]
    fingerprint: str


def _asked_by(body: bytes) -> Asked | None:
    return _understand(body) if len(body) <= SHORT else _understand.__wrapped__(body)


@lru_cache(maxsize=4096)
def _understand(body: bytes) -> Asked | None:
    """What the body asks for, if it is plain; in a sale thousands ask the same, byte for byte."""
    try:
        asked = msgspec.json.decode(body)
        order = msgspec.convert(asked, WantedOrder)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not order.is_plain:
        return None
    lines = [services.Line(sku=line.sku, quantity=line.quantity, position=at) for at, line in enumerate(order.lines)]
    skus = frozenset(line.sku for line in lines)
    return Asked(order=order, lines=tuple(lines), skus=skus, fingerprint=fingerprint_of(asked))


ROUTES = [
    Route(
        method="POST",
        path="/api/v1/orders",
        handle=place_order,
        together=refuse_together,
        allow="GET, POST, HEAD, OPTIONS",
        room=counter.room,
        pressure=counter.pressure,
    )
]
