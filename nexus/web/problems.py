"""Every refusal as RFC 9457 ``application/problem+json``: the one place where errors become HTTP."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from pymongo.errors import ConnectionFailure as PyMongoConnectionFailure
from pymongo.errors import ExecutionTimeout, ProtocolError
from rest_framework import exceptions as drf
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import set_rollback

from nexus.contracts import errors
from nexus.contracts.correlation import current_cause
from nexus.contracts.errors import FieldError
from nexus.telemetry import figures

CONTENT_TYPE = "application/problem+json"
UNREACHABLE = (OperationalError, InterfaceError, PyMongoConnectionFailure, ExecutionTimeout, ProtocolError)

STATUS: Sequence[tuple[type[errors.NexusError], int]] = (
    (errors.KeyReused, 422),
    (errors.InProgress, 409),
    (errors.Stale, 412),
    (errors.TooMany, 429),
    (errors.Unavailable, 503),
    (errors.NoAnswer, 502),
    (errors.TooLate, 504),
    (errors.Conflict, 409),
    (errors.NotFound, 404),
    (errors.Forbidden, 403),
    (errors.Invalid, 400),
)


def answer(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: what is known becomes a problem, the rest is a 500 that the middleware answers."""
    request = context["request"]._request
    document = describe(exception, path=request.path)
    if document is None:
        return None
    set_rollback()
    renderer = getattr(context["request"], "accepted_renderer", None)
    # A browser gets a page about the problem, and a page calls itself one.
    kind = CONTENT_TYPE if renderer is None or isinstance(renderer, JSONRenderer) else None
    response = Response(document, status=document["status"], content_type=kind)
    for name, value in headers_for(exception).items():
        response[name] = value
    return response


def respond(exception: Exception, request: HttpRequest) -> HttpResponse:
    """The same outside DRF: middleware, unknown paths, failures."""
    document = describe(exception, path=request.path) or internal(path=request.path)
    response = JsonResponse(document, status=document["status"], content_type=CONTENT_TYPE)
    for name, value in headers_for(exception).items():
        response[name] = value
    return response


def internal(*, path: str) -> dict[str, Any]:
    """What is said of a failure that nobody foresaw."""
    return problem(status=500, code="internal", detail="Something went wrong on our side.", path=path)


def problem(
    *, status: int, code: str, detail: str, path: str, field_errors: Iterable[FieldError] = ()
) -> dict[str, Any]:
    """A problem document (RFC 9457, section 3.1) with our `code`, `trace_id` and `errors` as extension members."""
    document: dict[str, Any] = {
        "type": f"urn:nexus:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "instance": path,
        "trace_id": current_cause().correlation_id,
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        figures.unavailable.labels(code).inc()
    if listed := [{"field": e.field, "code": e.code, "message": e.message} for e in field_errors]:
        document["errors"] = listed
    return document


def describe(exception: Exception, *, path: str) -> dict[str, Any] | None:
    """The problem document of an exception, None for one that nobody foresaw."""
    if isinstance(exception, errors.NexusError):
        status = next((status for kind, status in STATUS if isinstance(exception, kind)), 500)
        return problem(
            status=status, code=exception.code, detail=str(exception), path=path, field_errors=exception.errors
        )
    if isinstance(exception, drf.ValidationError):
        listed = list(_field_errors(exception.get_full_details()))
        detail = "The request has fields that are missing or not valid."
        return problem(status=400, code="invalid", detail=detail, path=path, field_errors=listed)
    if isinstance(exception, drf.APIException):
        code = str(getattr(exception.detail, "code", exception.default_code))
        return problem(status=exception.status_code, code=code, detail=str(exception.detail), path=path)
    for kinds, status, code, detail in DJANGO:
        if isinstance(exception, kinds):
            return problem(status=status, code=code, detail=detail, path=path)
    return None


DJANGO: Sequence[tuple[type[Exception] | tuple[type[Exception], ...], int, str, str]] = (
    (Http404, 404, "not_found", "There is no such thing, or it is not yours."),
    (PermissionDenied, 403, "forbidden", "You may not do this."),
    (RequestDataTooBig, 413, "too_large", "The request body is too large."),
    (SuspiciousOperation, 400, "invalid", "The request is malformed."),
    (UNREACHABLE, 503, "unavailable", "The database is not reachable or too busy; try again."),
)


def headers_for(exception: Exception) -> dict[str, str]:
    """``Retry-After`` and ``WWW-Authenticate`` where the status asks for them."""
    headers = {}
    wait = getattr(exception, "retry_after", None) or getattr(exception, "wait", None)
    if isinstance(exception, UNREACHABLE):
        wait = errors.Unavailable.retry_after
    if wait:
        headers["Retry-After"] = str(int(wait))
    if challenge := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    return headers


def _field_errors(details: Any, path: str = "") -> Iterable[FieldError]:
    """DRF's nested error details, flat, with paths such as ``lines.0.quantity``."""
    if isinstance(details, Mapping) and {"message", "code"} == details.keys():
        yield FieldError(field=path or "body", code=str(details["code"]), message=str(details["message"]))
    elif isinstance(details, Mapping):
        for name, inner in details.items():
            name = "" if name == "non_field_errors" else str(name)
            yield from _field_errors(inner, ".".join(part for part in (path, name) if part))
    elif isinstance(details, Sequence):
        for position, inner in enumerate(details):
            nested = isinstance(inner, Mapping) and {"message", "code"} != inner.keys()
            if inner:
                yield from _field_errors(inner, f"{path}.{position}".lstrip(".") if nested else path)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return respond(exception if describe(exception, path=request.path) else SuspiciousOperation(), request)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403; people in the admin keep Django's page."""
    return defaults.permission_denied(request, exception) if _for_people(request) else respond(exception, request)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404; people in the admin keep Django's page."""
    return defaults.page_not_found(request, exception) if _for_people(request) else respond(Http404(), request)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: a dead dependency is a 503, the rest is ours to mend (Django has logged it)."""
    failure = sys.exc_info()[1]
    if _for_people(request) and not isinstance(failure, UNREACHABLE):
        return defaults.server_error(request)
    known = isinstance(failure, Exception) and describe(failure, path=request.path) is not None
    return respond(failure if known else Exception("internal"), request)  # type: ignore[arg-type]


def _for_people(request: HttpRequest) -> bool:
    return request.path.startswith("/admin")
