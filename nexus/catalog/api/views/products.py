"""``/api/v1/products``."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from nexus.catalog import selectors, services
from nexus.catalog.api import examples
from nexus.catalog.api.parameters import LISTING, PARAMETERS, is_attribute, read_flag, read_query
from nexus.catalog.api.serializers import (
    NewProductSerializer,
    ProductChangesSerializer,
    ProductListSerializer,
    ProductSerializer,
)
from nexus.catalog.api.serializers.shown import show_facets, show_product, shown
from nexus.catalog.api.tags import matched_version, product_tag
from nexus.catalog.models import PUBLISHED, STATUSES
from nexus.web.idempotency import idempotent
from nexus.web.pagination import list_body, read_page
from nexus.web.permissions import read_by_anyone_written_by
from nexus.web.principal import Principal
from nexus.web.views import APIView, conditional, etag_of

WRITE = "catalog:write"


def visible_statuses(request: Request) -> tuple[str, ...]:
    """What is a draft or archived is there for those who may change it only."""
    staff = isinstance(request.user, Principal) and WRITE in request.user.scopes
    return STATUSES if staff else (PUBLISHED,)


class Products(APIView):
    """What is for sale."""

    query_parameters = PARAMETERS
    permission_classes = [read_by_anyone_written_by(WRITE)]

    def knows_parameter(self, name: str) -> bool:
        return is_attribute(name) or super().knows_parameter(name)

    @extend_schema(
        tags=["catalog"],
        operation_id="list_products",
        summary="List products",
        parameters=LISTING,
        responses={200: ProductListSerializer, 304: None},
        examples=[examples.PRODUCT_LIST],
    )
    def get(self, request: Request) -> Response:
        body = list_as_asked(request, statuses=visible_statuses(request))
        return conditional(request, Response(body), etag=etag_of(body))

    @extend_schema(
        tags=["catalog"],
        operation_id="create_product",
        summary="Add a product",
        request=NewProductSerializer,
        responses={201: ProductSerializer},
        examples=[examples.NEW_PRODUCT, examples.PRODUCT],
    )
    @idempotent(services.answers)
    def post(self, request: Request) -> Response:
        asked = NewProductSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        row = services.create_product(product=asked.product())
        headers = {"Location": reverse("product", args=[row["slug"]], request=request), "ETag": product_tag(row)}
        return Response(show_product(row), status=201, headers=headers)


def list_as_asked(request: Request, *, statuses: tuple[str, ...]) -> dict[str, Any]:
    """
    The list that the query string asks for, of products in these statuses.

    :raises Invalid: naming the parameter at fault
    """
    query = read_query(request, statuses=statuses)
    counted = read_flag(request, "facets")
    found = selectors.list_products(query=query, page=read_page(request))
    body = list_body(request, found, shown(found.items))
    if counted:
        body["facets"] = show_facets(selectors.count_facets(query=query))
    return body


class OneProduct(APIView):
    """A product with its variants."""

    permission_classes = [read_by_anyone_written_by(WRITE)]

    @extend_schema(
        tags=["catalog"],
        operation_id="get_product",
        summary="Show a product",
        responses={200: ProductSerializer, 304: None},
        examples=[examples.PRODUCT],
    )
    def get(self, request: Request, slug: str) -> Response:
        row = selectors.get_product(slug=slug, statuses=visible_statuses(request))
        return conditional(request, Response(show_product(row)), etag=product_tag(row))

    @extend_schema(
        tags=["catalog"],
        operation_id="change_product",
        summary="Change a product",
        description="What is not given stays. Lists, such as `variants`, and `attributes` are replaced whole.",
        parameters=[examples.IF_MATCH],
        request=ProductChangesSerializer,
        responses={200: ProductSerializer},
        examples=[examples.PRODUCT_CHANGES, examples.PRODUCT],
    )
    def patch(self, request: Request, slug: str) -> Response:
        version = matched_version(request, selectors.get_product(slug=slug, statuses=STATUSES))
        asked = ProductChangesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        row = services.change_product(slug=slug, changes=asked.changes(), version=version)
        return Response(show_product(row), headers={"ETag": product_tag(row)})

    @extend_schema(
        tags=["catalog"],
        operation_id="delete_product",
        summary="Delete a product",
        parameters=[examples.IF_MATCH],
        responses={204: None},
    )
    def delete(self, request: Request, slug: str) -> Response:
        version = matched_version(request, selectors.get_product(slug=slug, statuses=STATUSES))
        services.delete_product(slug=slug, version=version)
        return Response(status=204)
