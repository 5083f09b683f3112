"""``/api/v1/categories``."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from nexus.catalog import selectors, services
from nexus.catalog.api import examples
from nexus.catalog.api.parameters import PAGING
from nexus.catalog.api.serializers import (
    CategoryChangesSerializer,
    CategoryListSerializer,
    CategorySerializer,
    NewCategorySerializer,
)
from nexus.catalog.api.serializers.categories import show_category
from nexus.catalog.api.tags import matched_version, plain_tag
from nexus.web import pagination
from nexus.web.idempotency import idempotent
from nexus.web.permissions import read_by_anyone_written_by
from nexus.web.views import APIView, conditional, etag_of

PERMISSIONS = [read_by_anyone_written_by("catalog:write")]


class Categories(APIView):
    """Where products stand, as a tree."""

    query_parameters = pagination.PARAMETERS
    permission_classes = PERMISSIONS

    @extend_schema(
        tags=["catalog"],
        operation_id="list_categories",
        summary="List categories",
        parameters=PAGING,
        responses={200: CategoryListSerializer, 304: None},
        examples=[examples.CATEGORY_LIST],
    )
    def get(self, request: Request) -> Response:
        found = selectors.list_categories(page=pagination.read_page(request))
        body = pagination.list_body(request, found, [show_category(row) for row in found.items])
        return conditional(request, Response(body), etag=etag_of(body))

    @extend_schema(
        tags=["catalog"],
        operation_id="create_category",
        summary="Add a category",
        request=NewCategorySerializer,
        responses={201: CategorySerializer},
        examples=[examples.NEW_CATEGORY, examples.CATEGORY],
    )
    @idempotent(services.answers)
    def post(self, request: Request) -> Response:
        asked = NewCategorySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        row = services.create_category(category=asked.category())
        headers = {"Location": reverse("category", args=[row["slug"]], request=request), "ETag": plain_tag(row)}
        return Response(show_category(row), status=201, headers=headers)


class OneCategory(APIView):
    """A category and where it stands."""

    permission_classes = PERMISSIONS

    @extend_schema(
        tags=["catalog"],
        operation_id="get_category",
        summary="Show a category",
        responses={200: CategorySerializer, 304: None},
        examples=[examples.CATEGORY],
    )
    def get(self, request: Request, slug: str) -> Response:
        row = selectors.get_category(slug=slug)
        return conditional(request, Response(show_category(row)), etag=plain_tag(row))

    @extend_schema(
        tags=["catalog"],
        operation_id="change_category",
        summary="Rename or move a category",
        parameters=[examples.IF_MATCH],
        request=CategoryChangesSerializer,
        responses={200: CategorySerializer},
        examples=[examples.CATEGORY_CHANGES, examples.CATEGORY],
    )
    def patch(self, request: Request, slug: str) -> Response:
        version = matched_version(request, selectors.get_category(slug=slug))
        asked = CategoryChangesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        row = services.change_category(slug=slug, changes=asked.changes(), version=version)
        return Response(show_category(row), headers={"ETag": plain_tag(row)})

    @extend_schema(
        tags=["catalog"],
        operation_id="delete_category",
        summary="Delete an empty category",
        parameters=[examples.IF_MATCH],
        responses={204: None},
    )
    def delete(self, request: Request, slug: str) -> Response:
        version = matched_version(request, selectors.get_category(slug=slug))
        services.delete_category(slug=slug, version=version)
        return Response(status=204)
