"""
An order as it is, and as it becomes when it is settled: server-sent events
(https://html.spec.whatwg.org/multipage/server-sent-events.html), on the event loop, where who waits holds no thread.

Each event is the order, with its version as id. A stream ends when the order is settled, and before if that takes long;
the client then comes again, says which version it has seen, and 204 tells it that nothing more will come.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from nexus.orders import selectors, services
from nexus.orders.api.serializers import as_json
from nexus.orders.models import Status
from nexus.orders.selectors import OrderView
from nexus.telemetry import figures
from nexus.web.browsing import BrowsableAPI
from nexus.web.express import Exchange, Reply
from nexus.web.express.early import Busy
from nexus.web.express.exchange import encode
from nexus.web.express.lane import refusal
from nexus.web.express.routes import Route
from nexus.web.permissions import customer_with
from nexus.web.problems import UNREACHABLE
from nexus.web.views import APIView, principal

KIND = "text/event-stream"
AGAIN = b"retry: 1000\n\n"
"""Milliseconds after which a client whose stream has ended asks for it again."""
LONGEST = 15.0
"""Seconds; a server that is to stop lets every answer end (`nexus.web.server`)."""
MOST = 256
"""Who may watch at once, in one process."""
LAST_SEEN = b"last-event-id"
POOL = "order streams"
"""What figures call the places of those who watch."""
HEADERS = [("X-Accel-Buffering", "no")]


@dataclass
class Watching:
    """How many watch now, and how many are on their way to."""

    count: int = 0
    coming: int = 0

    @contextmanager
    def one_comes(self) -> Iterator[None]:
        self.coming += 1
        try:
            yield
        finally:
            self.coming -= 1

    @contextmanager
    def one_watches(self) -> Iterator[None]:
        self._now(self.count + 1)
        try:
            yield
        finally:
            self._now(self.count - 1)

    def _now(self, count: int) -> None:
        self.count = count
        figures.pool_size.labels(POOL).set(MOST)
        figures.pool_in_use.labels(POOL).set(count)


watching = Watching()


async def stream_order(exchange: Exchange) -> Reply | None:
    """Tell of it; the view takes care of who may not see it, or wants a page."""
    customer_id, order_id = exchange.customer_with("orders"), _id_in(exchange.name)
    if customer_id is None or order_id is None or exchange.query or not _wants_events(exchange):
        return None
    if watching.count + watching.coming >= MOST:
        return refusal(Busy(), exchange)
    with watching.one_comes():
        if refused := await exchange.admit():
            return refused
        order = await selectors.get_order_from_loop(order_id=order_id, customer_id=customer_id)
    seen = exchange.head.text(LAST_SEEN)
    if _has_all(order, seen):
        return Reply(status=204, body=b"")
    return Reply(status=200, body=AGAIN, content_type=KIND, headers=HEADERS, pieces=_tell(order, seen))


async def _tell(order: OrderView, seen: str | None) -> AsyncGenerator[bytes, None]:
    with watching.one_watches():
        if seen != str(order.version):
            yield event_of(order)
        if _is_settled(order) or not await services.wait_on_loop_until_settled(order.id, timeout=LONGEST):
            return
        try:
            settled = await selectors.get_order_from_loop(order_id=order.id, customer_id=order.customer_id)
        except UNREACHABLE:
            # The database went away at the last moment; whoever watches comes again.
            return
        yield event_of(settled)


def event_of(order: OrderView) -> bytes:
    return b"id: %d\nevent: order\ndata: %b\n\n" % (order.version, encode(as_json(order)))


def _has_all(order: OrderView, seen: str | None) -> bool:
    return _is_settled(order) and seen == str(order.version)


def _is_settled(order: OrderView) -> bool:
    return order.status != Status.PLACED


def _id_in(name: str) -> UUID | None:
    try:
        order_id = UUID(name)
    except ValueError:
        return None
    return order_id if str(order_id) == name else None


def _wants_events(exchange: Exchange) -> bool:
    """HTTP/1.0 has no way to say where a piece ends."""
    kinds = {each.partition(";")[0].strip() for each in (exchange.head.text(b"accept") or "*/*").split(",")}
    return (kinds == {"*/*"} or KIND in kinds) and exchange.scope["http_version"] != "1.0"


class EventStream(JSONRenderer):
    """An order as the one event there is to tell now; a refusal as the problem document that it is."""

    media_type = KIND
    format = "events"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        is_event = isinstance(data, bytes)
        return data if is_event else bytes(super().render(data, accepted_media_type, renderer_context))


class OrderStream(APIView):
    """The order as server-sent events, until it is settled."""

    name = "As it happens"
    permission_classes = [customer_with("orders")]
    renderer_classes = [EventStream, BrowsableAPI]

    @extend_schema(
        tags=["orders"],
        summary="It as server-sent events, until it is settled",
        description="Each event `order` has the order as JSON and its version as id. 204 to a `Last-Event-ID` after "
        "which nothing will come. A stream that takes longer than 15 s ends; ask again.",
        responses={(200, KIND): str, 204: None},
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        # Without the event loop nobody waits: the client comes again after the event that there is.
        order = selectors.get_order(order_id=order_id, customer_id=principal(request).customer_id)
        seen = request.headers.get("Last-Event-ID")
        if _has_all(order, seen):
            return Response(status=204)
        told = AGAIN if seen == str(order.version) else AGAIN + event_of(order)
        return Response(told, headers=dict(HEADERS) | {"Cache-Control": "no-store"})


ROUTE = Route(
    method="GET",
    path="/api/v1/orders/*/stream",
    handle=stream_order,
    allow="GET, HEAD, OPTIONS",
    streams=True,
)
