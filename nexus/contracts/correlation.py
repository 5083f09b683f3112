"""
Which request or event the present work belongs to.

A correlation id follows an order through the whole saga; a causation id is the event that led directly here.
Both ride in context variables so that no signature has to carry them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Where the present work comes from; `traceparent` is the W3C Trace Context header."""

    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""


_current: ContextVar[Cause | None] = ContextVar("nexus_cause", default=None)
NO_CAUSE = Cause()


def current_cause() -> Cause:
    """The cause of the work under way, empty outside any."""
    return _current.get() or NO_CAUSE


@contextmanager
def caused_by(cause: Cause) -> Iterator[None]:
    """Everything told inside carries this cause."""
    token = _current.set(cause)
    try:
        yield
    finally:
        _current.reset(token)
