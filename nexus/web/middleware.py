"""
What every request passes, whichever app answers. Each middleware is native to sync and async: one that is not would
push every async request through a thread and cost most of its speed.
"""

import re
import secrets
from collections.abc import Callable, Generator
from io import BytesIO
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from nexus.contracts.correlation import Cause, caused_by
from nexus.contracts.errors import TooLate
from nexus.web.deadlines import DEADLINE, seconds_left
from nexus.web.problems import respond

Step = Generator[None, HttpResponse, HttpResponse]
GetResponse = Callable[[HttpRequest], Any]


def middleware(step: Callable[[HttpRequest], Step]) -> Callable[[GetResponse], GetResponse]:
    """
    Make a middleware of a generator: what is before its ``yield`` sees the request, what is after it the response;
    returning before the ``yield`` answers at once.
    """

    def build(get_response: GetResponse) -> GetResponse:
        async def run_async(request: HttpRequest) -> HttpResponse:
            steps = step(request)
            return _begin(steps) or _end(steps, await get_response(request))

        def run(request: HttpRequest) -> HttpResponse:
            steps = step(request)
            return _begin(steps) or _end(steps, get_response(request))

        return run_async if iscoroutinefunction(get_response) else run

    build.__name__ = step.__name__
    return sync_and_async_middleware(build)


def _begin(steps: Step) -> HttpResponse | None:
    try:
        next(steps)
    except StopIteration as done:
        answered: HttpResponse = done.value
        return answered
    return None


def _end(steps: Step, response: HttpResponse) -> HttpResponse:
    try:
        steps.send(response)
    except StopIteration as done:
        ended: HttpResponse = done.value
        return ended
    raise RuntimeError("a middleware yields once")


ACCEPTED_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@middleware
def request_id(request: HttpRequest) -> Step:
    """Take the caller's ``X-Request-ID`` when it is well-formed, else make one; everything told carries it."""
    given = request.headers.get("X-Request-ID", "")
    identity = given if ACCEPTED_ID.fullmatch(given) else secrets.token_hex(16)
    trace = request.headers.get("traceparent", "")
    cause = Cause(correlation_id=identity, traceparent=trace if TRACEPARENT.fullmatch(trace) else "")
    with caused_by(cause):
        response = yield
    response["X-Request-ID"] = identity
    return response


POLICY = "default-src 'self'; img-src 'self' data: https:; style-src 'self' 'unsafe-inline'; script-src 'self' {inline}"


# The docs page and the browsable API carry inline scripts of their own libraries; nothing else may.
FOR_THE_API, FOR_PAGES = (
    {
        "Content-Security-Policy": POLICY.format(inline=inline).strip() + "; base-uri 'self'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    for inline in ("'unsafe-inline'", "")
)


@middleware
def security_headers(request: HttpRequest) -> Step:
    """Headers that browsers act on; answers about a person are kept out of caches."""
    response = yield
    for name, value in (FOR_THE_API if request.path.startswith("/api") else FOR_PAGES).items():
        response.headers.setdefault(name, value)
    if "Authorization" in request.headers:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


KEEPS_ITS_SLASH = ("/admin", "/static/")


@middleware
def canonical_path(request: HttpRequest) -> Step:
    """A trailing slash makes no difference, and nobody is redirected for it."""
    path = request.path_info
    if path.endswith("/") and len(path) > 1 and not path.startswith(KEEPS_ITS_SLASH):
        request.path_info = path.rstrip("/") or "/"
        request.path = request.path.rstrip("/") or "/"
    response = yield
    return response


@middleware
def deadline(request: HttpRequest) -> Step:
    """Begin nothing that nobody waits for any more: the request may have stood in a queue until now."""
    left = seconds_left(request.headers.get(DEADLINE, ""))
    if left is not None and left <= 0:
        return respond(TooLate(), request)
    response = yield
    return response


@middleware
def body_limit(request: HttpRequest) -> Step:
    """Refuse a body that says it is too large before reading it; one that does not say is cut off while reading."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > settings.MAX_BODY:
        return respond(RequestDataTooBig(), request)
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower() and "wsgi.input" in request.META:
        # WSGI leaves the length of such a body open, and Django would take it for none.
        body = request.META["wsgi.input"].read(settings.MAX_BODY + 1)
        if len(body) > settings.MAX_BODY:
            return respond(RequestDataTooBig(), request)
        request.META["CONTENT_LENGTH"] = str(len(body))
        request._stream = BytesIO(body)
    response = yield
    return response
