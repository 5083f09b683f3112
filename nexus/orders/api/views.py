"""The HTTP API of orders: translate in, call one service, translate out."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import msgspec
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from nexus.contracts.errors import FieldError, Invalid
from nexus.orders import selectors, services
from nexus.orders.api.preferences import read_wait
from nexus.orders.api.serializers import (
    OrderHistorySerializer,
    OrderListSerializer,
    OrderSerializer,
    PlaceOrderSerializer,
    as_json,
)
from nexus.orders.models import Status
from nexus.orders.selectors import OrderView
from nexus.web.idempotency import fingerprint_of, idempotent, read_key
from nexus.web.instants import read_instant
from nexus.web.pagination import PARAMETERS, list_body, read_page
from nexus.web.permissions import customer_with, holder_of
from nexus.web.views import APIView, conditional, etag_of, principal

PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="wait=N: answer when the order is settled, after N ≤ 10 s at most",
)
PAGING = [OpenApiParameter("page_size", int), OpenApiParameter("cursor", str)]
EXAMPLE = OpenApiExample("Two lamps", {"lines": [{"sku": "LAMP-001", "quantity": 2}]}, request_only=True)


class OrderList(APIView):
    """Your orders, newest first; POST places one. `Prefer: wait=5` answers when it is settled."""

    name = "Your orders"
    permission_classes = [customer_with("orders")]
    query_parameters = PARAMETERS | {"status"}
    serializer_class = PlaceOrderSerializer

    @extend_schema(
        tags=["orders"],
        summary="Your orders, newest first",
        parameters=[*PAGING, OpenApiParameter("status", str, enum=Status.values)],
        responses=OrderListSerializer,
    )
    def get(self, request: Request) -> Response:
        found = selectors.list_orders(
            customer_id=_customer(request), page=read_page(request), status=_read_status(request)
        )
        return Response(list_body(request, found, [as_json(order) for order in found.items]))

    @extend_schema(
        tags=["orders"],
        summary="Place an order",
        parameters=[PREFER],
        request=PlaceOrderSerializer,
        responses={201: OrderSerializer},
        examples=[EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        body = PlaceOrderSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        placement = services.place_order(customer_id=_customer(request), claim=_read_claim(request), **body.placing())

        return _answer_when_settled(request, placement)


class OrderDetail(APIView):
    """One of your orders, as it is or as it was at an instant (`?at=2026-11-25T10:00:00Z`)."""

    name = "Order"
    permission_classes = [customer_with("orders")]
    query_parameters = frozenset({"at"})

    @extend_schema(
        tags=["orders"],
        summary="One of your orders, as it is or as it was",
        parameters=[OpenApiParameter("at", datetime, description="As it was then, from its events")],
        responses=OrderSerializer,
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        if "at" in request.query_params:
            instant = read_instant(request)
            past = selectors.get_order_at(order_id=order_id, instant=instant, customer_id=_customer(request))
            return Response(as_json(past))
        order = selectors.get_order(order_id=order_id, customer_id=_customer(request))
        return conditional(request, Response(as_json(order)), etag=_etag(order))


class OrderEvents(APIView):
    """What happened to the order, from the event store."""

    name = "What happened"
    permission_classes = [customer_with("orders")]

    @extend_schema(tags=["orders"], summary="What happened to it, oldest first", responses=OrderHistorySerializer)
    def get(self, request: Request, order_id: UUID) -> Response:
        selectors.get_order(order_id=order_id, customer_id=_customer(request))
        told = selectors.list_events(order_id=order_id)
        fields = ("id", "type", "sequence", "time", "data")
        return Response(
            {"results": [msgspec.to_builtins({name: getattr(each, name) for name in fields}) for each in told]}
        )


class CancelOrder(APIView):
    permission_classes = [customer_with("orders")]

    @extend_schema(tags=["orders"], summary="Call it off", request=None, responses=OrderSerializer)
    @idempotent(services.answers)
    def post(self, request: Request, order_id: UUID) -> Response:
        order = services.cancel_order(order_id=order_id, customer_id=_customer(request))
        return Response(as_json(order), headers={"ETag": _etag(order)})


class MoveOrder(APIView):
    """A step that staff or a warehouse system takes; `move` is the service that takes it."""

    permission_classes = [holder_of("orders:manage")]
    move: Callable[..., OrderView]

    @idempotent(services.answers)
    def post(self, request: Request, order_id: UUID) -> Response:
        order = type(self).move(order_id=order_id)
        return Response(as_json(order), headers={"ETag": _etag(order)})


_step = extend_schema(tags=["orders"], request=None, responses=OrderSerializer)


@_step
class ShipOrder(MoveOrder):
    """The goods left the building."""

    move = staticmethod(services.ship_order)


@_step
class DeliverOrder(MoveOrder):
    """The goods arrived."""

    move = staticmethod(services.deliver_order)


@_step
class ReturnOrder(MoveOrder):
    """The goods came back, fit for sale."""

    move = staticmethod(services.return_order)


def _customer(request: Request) -> UUID:
    customer_id = principal(request).customer_id
    assert customer_id is not None
    return customer_id


def _read_claim(request: Request) -> services.Claim | None:
    key = read_key(request)
    return services.Claim(key=key, fingerprint=fingerprint_of(request.data)) if key else None


def _read_status(request: Request) -> str | None:
    status = request.query_params.get("status")
    if status is not None and status not in Status.values:
        message = f"One of {', '.join(Status.values)}."
        raise Invalid(errors=[FieldError(field="status", code="invalid_choice", message=message)])
    return status


def _answer_when_settled(request: Request, placement: services.Placement) -> Response:
    """The order at once, or what became of it when the client would rather wait."""
    order, headers = placement.order, {}
    if wait := read_wait(request.headers.get("Prefer", "")):
        headers["Preference-Applied"] = f"wait={wait}"
        if order.status == Status.PLACED and services.wait_until_settled(order.id, timeout=wait):
            order = selectors.get_order(order_id=order.id)
    if placement.replayed:
        headers["Idempotent-Replayed"] = "true"
    headers |= {"Location": f"/api/v1/orders/{order.id}", "ETag": _etag(order)}
    return Response(as_json(order), status=201, headers=headers)


def _etag(order: OrderView) -> str:
    return etag_of(order.id, order.version)
