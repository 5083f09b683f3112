"""
Traces: what became of one request, through the log, relay, broker and workers to the reply, as OpenTelemetry spans.

Nothing is carried in context variables. A span's identity travels in the W3C ``traceparent`` of a request's head and
of each event (https://www.w3.org/TR/trace-context), where every cause travels already; whoever does something because
of it makes a child of it. Without ``NEXUS_TRACES_URL`` nothing is made at all, and of a request that was not chosen
nothing but its mark that says so.
"""

import atexit
import os
from collections.abc import Mapping
from functools import lru_cache

from django.conf import settings
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, Tracer, set_span_in_context
from opentelemetry.trace.status import Status, StatusCode

CHOSEN = frozenset("13579bdf")
"""How the traceparent ends of what is traced: its lowest flag is set, whatever the others say."""
Attributes = Mapping[str, str | int | float | bool]

LENGTH = len("00-") + 32 + len("-") + 16 + len("-01")
PATIENCE = 2000
"""Milliseconds for the last spans of a process that ends."""

_tracer: Tracer | None = None
_provider: TracerProvider | None = None


def is_on() -> bool:
    """Whether this process makes spans."""
    return _tracer is not None


def begin_if_asked(role: str) -> None:
    """Make spans from now on, and send them to ``NEXUS_TRACES_URL`` where that names a collector (OTLP over HTTP)."""
    if not settings.TRACES_URL:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    # What a customer has chosen is not ours to pay for; behind a gateway of ours it is the gateway that has chosen.
    from_customers = role == "web" and not settings.TRUSTED_PROXIES
    exporter = OTLPSpanExporter(endpoint=settings.TRACES_URL, timeout=5)
    begin(role, exporter, share=settings.TRACES_SHARE, from_customers=from_customers)


def begin(role: str, exporter: SpanExporter, *, share: float = 1.0, from_customers: bool = False) -> None:
    """
    Make spans from now on, for that share of what comes without a mark. What comes `from_customers` with one that has
    it chosen counts as if it had none.
    """
    global _tracer, _provider
    named = f"nexus-{settings.APPS[0]}" if len(settings.APPS) == 1 else "nexus"
    about = {"service.namespace": "nexus", "service.name": f"{named}-{role}", "service.instance.id": str(os.getpid())}
    by_share = TraceIdRatioBased(share)
    sampler = ParentBased(by_share, remote_parent_sampled=by_share) if from_customers else ParentBased(by_share)
    _provider = TracerProvider(resource=Resource.create(about), sampler=sampler, shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    _tracer = _provider.get_tracer("nexus")
    atexit.register(end)


def end() -> None:
    """Make no more; what is finished is sent, if the collector takes it at once."""
    global _tracer, _provider
    if _provider is not None:
        _provider.force_flush(PATIENCE)
    _tracer, _provider = None, None


def is_chosen(traceparent: str) -> bool:
    """Whether what carries this mark is traced here."""
    return _tracer is not None and traceparent[-1:] in CHOSEN and len(traceparent) == LENGTH


def start(
    name: str,
    *,
    parent: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    at: float | None = None,
) -> Span:
    """A span that has begun, `at` an instant in seconds or now; `parent` is a traceparent, or empty for a new trace."""
    assert _tracer is not None
    context = set_span_in_context(NonRecordingSpan(_context_of(parent))) if parent else None
    return _tracer.start_span(name, context=context, kind=kind, attributes=attributes, start_time=_nanoseconds(at))


def stop(span: Span, *, failure: BaseException | str | None = None, at: float | None = None) -> None:
    """The span is over, well or with a failure."""
    if failure is not None and span.is_recording():
        span.set_status(Status(StatusCode.ERROR, str(failure)[:200]))
        if isinstance(failure, BaseException):
            span.set_attribute("error.type", type(failure).__name__)
    span.end(_nanoseconds(at))


def record(
    name: str,
    *,
    parent: str,
    began: float,
    ended: float,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
) -> None:
    """Something that is over: a child of whoever carries that mark, between two instants in seconds."""
    stop(start(name, parent=parent, kind=kind, attributes=attributes, at=began), at=ended)


def mark_of(span: Span) -> str:
    """The traceparent under which others make children of the span."""
    told = span.get_span_context()
    return f"00-{told.trace_id:032x}-{told.span_id:016x}-{told.trace_flags:02x}"


@lru_cache(maxsize=1024)
def _context_of(traceparent: str) -> SpanContext:
    _, trace, span, flags = traceparent.split("-")
    return SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def _nanoseconds(instant: float | None) -> int | None:
    return None if instant is None else int(instant * 1e9)
