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
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, Tracer, set_span_in_context
from opentelemetry.trace.status import Status, StatusCode

CHOSEN = frozenset("13579bdf")
"""How the traceparent ends of what is traced: its lowest flag is set, whatever the others say."""
Attributes = Mapping[str, str | int | float | bool]

_tracer: Tracer | None = None


def is_on() -> bool:
    """Whether this process makes spans."""
    return _tracer is not None


def begin_if_asked(role: str) -> None:
    """Make spans from now on, and send them to ``NEXUS_TRACES_URL`` where that names a collector (OTLP over HTTP)."""
    if not settings.TRACES_URL:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    begin(role, OTLPSpanExporter(endpoint=settings.TRACES_URL, timeout=5), share=settings.TRACES_SHARE)


def begin(role: str, exporter: SpanExporter, *, share: float = 1.0) -> TracerProvider:
    """Make spans from now on for that share of the requests that come without a mark; `end` stops it."""
    global _tracer
    named = f"nexus-{settings.APPS[0]}" if len(settings.APPS) == 1 else "nexus"
    about = {"service.namespace": "nexus", "service.name": f"{named}-{role}", "service.instance.id": str(os.getpid())}
    provider = TracerProvider(
        resource=Resource.create(about), sampler=ParentBasedTraceIdRatio(share), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    _tracer = provider.get_tracer("nexus")
    atexit.register(provider.shutdown)
    return provider


def end() -> None:
    """Make no more."""
    global _tracer
    _tracer = None


def is_chosen(traceparent: str) -> bool:
    """Whether what carries this mark is traced here."""
    return _tracer is not None and traceparent[-1:] in CHOSEN


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
