"""Orders on the express lane: what is asked is understood at once, and waits for its turn with others (`Counter`)."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings

from nexus.contracts.money import MINOR_DIGITS
from nexus.orders import services
from nexus.orders.api.refusals import Case, desk
from nexus.orders.api.serializers import MOST_LINES, as_json
from nexus.orders.api.stream import ROUTE as STREAM
from nexus.orders.api.waiting import counter
from nexus.orders.exceptions import OutOfStock
from nexus.web.express import Exchange, Reply, Route
from nexus.web.express.exchange import encode
from nexus.web.express.head import ANY_JSON
from nexus.web.express.lane import refusal
from nexus.web.express.routes import Found
from nexus.web.idempotency import LONGEST_KEY, fingerprint_of
from nexus.web.views import etag_of

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
    ),
    STREAM,
]
