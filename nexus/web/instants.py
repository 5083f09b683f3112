"""Instants in queries: ``?at=2026-11-25T10:00:00Z``."""

from datetime import UTC, datetime

from django.utils.dateparse import parse_datetime
from rest_framework.request import Request

from nexus.contracts.errors import FieldError, Invalid


def read_instant(request: Request) -> datetime:
    """
    The instant that the parameter `at` names, in UTC.

    :raises Invalid: it is no RFC 3339 time with a zone
    """
    try:
        at = parse_datetime(request.query_params["at"].replace(" ", "+"))
        at = at.astimezone(UTC) if at is not None and at.tzinfo else None
    except (ValueError, OverflowError):
        at = None
    if at is None:
        message = "An RFC 3339 time with its zone, such as 2026-01-31T12:00:00Z."
        raise Invalid(errors=[FieldError(field="at", code="invalid", message=message)])
    return at
