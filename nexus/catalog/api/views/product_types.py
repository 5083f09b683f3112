"""``/api/v1/product-types``."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from nexus.catalog import selectors, services
from nexus.catalog.api import examples
from nexus.catalog.api.parameters import PAGING
from nexus.catalog.api.serializers import (
    NewProductTypeSerializer,
    ProductTypeChangesSerializer,
    ProductTypeListSerializer,
    ProductTypeSerializer,
)
from nexus.catalog.api.serializers.product_types import show_product_type
from nexus.catalog.api.tags import matched_version, plain_tag
from nexus.web import pagination
from nexus.web.idempotency import idempotent
from nexus.web.permissions import holder_of
from nexus.web.views import APIView, conditional, etag_of

PERMISSIONS = [holder_of("catalog:write")]


class ProductTypes(APIView):
    """Which attributes each kind of product has; for staff."""

    query_parameters = pagination.PARAMETERS
    permission_classes = PERMISSIONS

    @extend_schema(
        tags=["catalog"],
        operation_id="list_product_types",
        summary="List product types",
        parameters=PAGING,
        responses={200: ProductTypeListSerializer, 304: None},
        examples=[examples.PRODUCT_TYPE_LIST],
    )
    def get(self, request: Request) -> Response:
        found = selectors.list_product_types(page=pagination.read_page(request))
        body = pagination.list_body(request, found, [show_product_type(row) for row in found.items])
        return conditional(request, Response(body), etag=etag_of(body))

    @extend_schema(
        tags=["catalog"],
        operation_id="create_product_type",
        summary="Add a product type",
        request=NewProductTypeSerializer,
        responses={201: ProductTypeSerializer},
        examples=[examples.NEW_PRODUCT_TYPE, examples.PRODUCT_TYPE],
    )
    @idempotent(services.answers)
    def post(self, request: Request) -> Response:
        asked = NewProductTypeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        row = services.create_product_type(product_type=asked.product_type())
        headers = {"Location": reverse("product-type", args=[row["slug"]], request=request), "ETag": plain_tag(row)}
        return Response(show_product_type(row), status=201, headers=headers)


class OneProductType(APIView):
    """One kind of product."""

    permission_classes = PERMISSIONS

    @extend_schema(
        tags=["catalog"],
        operation_id="get_product_type",
        summary="Show a product type",
        responses={200: ProductTypeSerializer, 304: None},
        examples=[examples.PRODUCT_TYPE],
    )
    def get(self, request: Request, slug: str) -> Response:
        row = selectors.get_product_type(slug=slug)
        return conditional(request, Response(show_product_type(row)), etag=plain_tag(row))

    @extend_schema(
        tags=["catalog"],
        operation_id="change_product_type",
        summary="Change a product type",
        parameters=[examples.IF_MATCH],
        request=ProductTypeChangesSerializer,
        responses={200: ProductTypeSerializer},
        examples=[examples.PRODUCT_TYPE_CHANGES, examples.PRODUCT_TYPE],
    )
    def patch(self, request: Request, slug: str) -> Response:
        version = matched_version(request, selectors.get_product_type(slug=slug))
        asked = ProductTypeChangesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        row = services.change_product_type(slug=slug, changes=asked.changes(), version=version)
        return Response(show_product_type(row), headers={"ETag": plain_tag(row)})

    @extend_schema(
        tags=["catalog"],
        operation_id="delete_product_type",
        summary="Delete a product type without products",
        parameters=[examples.IF_MATCH],
        responses={204: None},
    )
    def delete(self, request: Request, slug: str) -> Response:
        version = matched_version(request, selectors.get_product_type(slug=slug))
        services.delete_product_type(slug=slug, version=version)
        return Response(status=204)
