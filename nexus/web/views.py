"""The base of every API view."""

from hashlib import blake2b
from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework import views
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from nexus.contracts.errors import FieldError, Invalid
from nexus.web.principal import Principal


class APIView(views.APIView):
    """Refuses query parameters that the endpoint does not know: ignoring one would answer another question."""

    query_parameters: ClassVar[frozenset[str]] = frozenset()
    serializer_class: ClassVar[type[Serializer] | None] = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.refuse_unknown_parameters(request)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Serializer:
        """What the browsable API fills its form with, where the view names a serializer."""
        return (self.serializer_class or Serializer)(*args, **kwargs)

    def refuse_unknown_parameters(self, request: Request) -> None:
        """:raises Invalid: naming each unknown parameter"""
        if unknown := sorted(name for name in request.query_params if not self.knows_parameter(name)):
            message = "There is no such parameter here."
            raise Invalid(
                "The query has parameters that this endpoint does not know.",
                errors=[FieldError(field=name, code="unknown", message=message) for name in unknown],
            )

    def knows_parameter(self, name: str) -> bool:
        return name in self.query_parameters


def principal(request: Request) -> Principal:
    """Who is asking; only for views whose permissions ask for a token."""
    assert isinstance(request.user, Principal)
    return request.user


def etag_of(*parts: object) -> str:
    """A strong entity tag of whatever identifies this state of the resource."""
    return f'"{blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'


def conditional(request: Request, response: Response, *, etag: str) -> Response:
    """Tag the answer; one that the client has already becomes 304 without a body (RFC 9110, section 13)."""
    wanted = _tags(request._request, "If-None-Match")
    if request.method in ("GET", "HEAD") and ("*" in wanted or etag in wanted):
        response = Response(status=304)
    response["ETag"] = etag
    return response


def _tags(request: HttpRequest, header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in request.headers.get(header, "").split(",") if tag.strip()]
