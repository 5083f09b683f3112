"""The front door: what every request of the outside world passes before an app sees it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from nexus.gateway.callers import caller_of, claims_of
from nexus.gateway.exceptions import HeadersTooLarge, RateLimited, UrlTooLong
from nexus.gateway.limits import Verdict, limit_lines, limiter
from nexus.gateway.policies import Policy
from nexus.gateway.routes import LIMITED
from nexus.telemetry import figures
from nexus.web.aliases import real_path
from nexus.web.express.lane import COUNTED, pairs_in
from nexus.web.middleware import Step, middleware
from nexus.web.problems import respond

MOST_HEADERS, LONGEST_HEADER, LONGEST_URL = 100, 8192, 8192


@middleware
def front_door(request: HttpRequest) -> Step:
    """Refuse oversized requests, translate the original's paths, and keep every caller to the rate limit."""
    if refusal := _oversized(request):
        return refusal
    _translate(request)
    verdict = _count(request)
    if verdict and not verdict.allowed:
        figures.rate_limited.labels(_policy_of(request).name).inc()
        return _with_limits(request, respond(RateLimited(retry_after=verdict.retry_after), request), verdict)
    response = yield
    return _with_limits(request, response, verdict) if verdict else response


def _translate(request: HttpRequest) -> None:
    request.path_info, request.path = real_path(request.path_info), real_path(request.path)


def _oversized(request: HttpRequest) -> HttpResponse | None:
    headers = [(name, value) for name, value in request.META.items() if name.startswith("HTTP_")]
    too_long = any(len(str(value)) > LONGEST_HEADER for _, value in headers)
    if len(headers) > MOST_HEADERS or too_long:
        return respond(HeadersTooLarge(), request)
    if len(request.get_full_path()) > LONGEST_URL:
        return respond(UrlTooLong(), request)
    return None


def _count(request: HttpRequest) -> Verdict | None:
    if not Policy.of_settings().count or not request.path_info.startswith(LIMITED):
        return None
    policy = _policy_of(request)
    counted: Verdict | None = request.META.get(COUNTED)
    return counted or limiter.check(caller_of(request), policy)


def _with_limits(request: HttpRequest, response: HttpResponse, verdict: Verdict) -> HttpResponse:
    for name, value in pairs_in(limit_lines(verdict, _policy_of(request))):
        response[name.decode()] = value.decode()
    return response


def _policy_of(request: HttpRequest) -> Policy:
    return Policy.of(request.path_info, claims_of(request) if settings.RATE_LIMITS else None)
