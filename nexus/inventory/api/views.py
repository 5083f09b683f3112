"""The HTTP API of inventory: translate in, call one service or selector, translate out."""

from datetime import datetime

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from nexus.contracts.errors import FieldError, Invalid
from nexus.inventory import selectors, services
from nexus.inventory.api import serializers
from nexus.inventory.models import Reason
from nexus.web.idempotency import idempotent
from nexus.web.instants import read_instant
from nexus.web.pagination import PARAMETERS, list_body, read_page
from nexus.web.permissions import Anyone, holder_of
from nexus.web.principal import Principal
from nexus.web.views import APIView, conditional, etag_of, principal

SCOPE = "inventory:write"
MOST_SKUS = 100
NOW_OR_THEN = PolymorphicProxySerializer(
    component_name="NowOrThen",
    serializers=[serializers.LevelSerializer, serializers.PastLevelSerializer],
    resource_type_field_name=None,
)
RECEIVED = OpenApiExample("A delivery", {"quantity": 24, "reason": "received"}, request_only=True)


class StockList(APIView):
    permission_classes = [Anyone]
    query_parameters = frozenset({"sku"})

    @extend_schema(
        tags=["inventory"],
        summary="How many can be sold of each sku",
        parameters=[OpenApiParameter("sku", str, many=True, required=True, description=f"At most {MOST_SKUS}")],
        responses=serializers.LevelListSerializer,
    )
    def get(self, request: Request) -> Response:
        levels = selectors.list_levels(_read_skus(request))
        return Response({"results": [serializers.level_as_json(level) for level in levels]})


class StockDetail(APIView):
    permission_classes = [Anyone]
    query_parameters = frozenset({"at"})

    @extend_schema(
        tags=["inventory"],
        summary="How many can be sold now, or what there was at an instant",
        parameters=[OpenApiParameter("at", datetime, description=f"Needs the scope {SCOPE}")],
        responses=NOW_OR_THEN,
    )
    def get(self, request: Request, sku: str) -> Response:
        if "at" in request.query_params:
            return self._at(request, sku)
        found = selectors.get_level(sku)
        return conditional(
            request, Response(serializers.level_as_json(found)), etag=etag_of(sku, found.level.version, found.source)
        )

    def _at(self, request: Request, sku: str) -> Response:
        if not isinstance(request.user, Principal):
            raise NotAuthenticated
        if SCOPE not in request.user.scopes:
            raise PermissionDenied
        at = read_instant(request)
        counters = selectors.get_counters_at(sku, instant=at)
        return Response(serializers.past_level_as_json(sku, at, counters))


class Adjustments(APIView):
    permission_classes = [holder_of(SCOPE)]
    serializer_class = serializers.AdjustmentSerializer

    @extend_schema(
        tags=["inventory"],
        summary="Receive, count, write off or correct",
        request=serializers.AdjustmentSerializer,
        responses={201: serializers.LedgerEntrySerializer},
        examples=[RECEIVED],
    )
    @idempotent(services.answers)
    def post(self, request: Request, sku: str) -> Response:
        body = serializers.AdjustmentSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data

        entry = services.adjust_stock(
            sku=sku,
            quantity=wanted["quantity"],
            reason=Reason(wanted["reason"]),
            location=wanted["location"],
            note=wanted["note"],
            actor=principal(request).pk,
        )

        return Response(serializers.entry_as_json(entry), status=201)


class Ledger(APIView):
    permission_classes = [holder_of(SCOPE)]
    query_parameters = PARAMETERS

    @extend_schema(
        tags=["inventory"],
        summary="Every movement of a sku, newest first",
        parameters=[OpenApiParameter("page_size", int), OpenApiParameter("cursor", str)],
        responses=serializers.LedgerSerializer,
    )
    def get(self, request: Request, sku: str) -> Response:
        found = selectors.list_ledger(sku, page=read_page(request))
        return Response(list_body(request, found, [serializers.entry_as_json(entry) for entry in found.items]))


class Locations(APIView):
    permission_classes = [holder_of(SCOPE)]
    serializer_class = serializers.NewLocationSerializer

    @extend_schema(tags=["inventory"], summary="Where goods lie", responses=serializers.LocationListSerializer)
    def get(self, request: Request) -> Response:
        return Response({"results": [serializers.location_as_json(each) for each in selectors.list_locations()]})

    @extend_schema(
        tags=["inventory"],
        summary="Add a location",
        request=serializers.NewLocationSerializer,
        responses={201: serializers.LocationSerializer},
    )
    @idempotent(services.answers)
    def post(self, request: Request) -> Response:
        body = serializers.NewLocationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data

        location = services.add_location(code=wanted["code"], name=wanted["name"], rank=wanted["rank"])

        return Response(serializers.location_as_json(location), status=201)


def _read_skus(request: Request) -> list[str]:
    skus = list(dict.fromkeys(request.query_params.getlist("sku")))
    if not 1 <= len(skus) <= MOST_SKUS or not all(0 < len(sku) <= 64 and "\0" not in sku for sku in skus):
        message = f"1 to {MOST_SKUS} skus of at most 64 characters: ?sku=A&sku=B"
        raise Invalid(errors=[FieldError(field="sku", code="invalid", message=message)])
    return skus
