"""What relays and subscribers count, trace and write down of each batch."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from opentelemetry.trace import Span, SpanKind

from nexus.eventbus.wire import Record
from nexus.telemetry import figures, tracing

log = logging.getLogger("nexus.eventbus.batch")


@dataclass
class Outcome:
    """
    What became of a message's events; `waiting` are those that were among the dead letters already, `fresh` the ids of
    those that took effect now.
    """

    applied: int = 0
    duplicate: int = 0
    ignored: int = 0
    buried: int = 0
    waiting: int = 0
    fresh: set[UUID] = field(default_factory=set, repr=False, compare=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {name: getattr(self, name) for name in COUNTED}

    def __iadd__(self, other: "Outcome") -> "Outcome":
        for name, count in other.counts.items():
            setattr(self, name, getattr(self, name) + count)
        self.fresh |= other.fresh
        return self


COUNTED = ("applied", "duplicate", "ignored", "buried", "waiting")


@contextmanager
def publishing(records: Sequence[Record], *, log_name: str) -> Iterator[None]:
    """Around handing a batch of a log on; when it fails, it is as if it had never been tried."""
    began = time.time()
    try:
        yield
    except Exception:
        _count_published(records, log_name, "failed")
        raise
    try:
        _tell_published(records, log_name, began=began, ended=time.time())
    except Exception:
        # The batch is with the broker: whatever is wrong with us must not have it published for ever.
        log.exception("a batch of %s was published and not counted", log_name)


def _tell_published(records: Sequence[Record], log_name: str, *, began: float, ended: float) -> None:
    _count_published(records, log_name, "ok")
    waited = figures.outbox_wait.labels(log_name)
    for record in records:
        told = record.time.timestamp()
        waited.observe(max(0.0, ended - told))
        if tracing.is_chosen(record.traceparent):
            _trace_published(record, told=told, began=began, ended=ended)
    _write_line("publish", records, began=began, ended=ended, about={"labels.log": log_name})


def _count_published(records: Sequence[Record], log_name: str, result: str) -> None:
    for kind, count in _by_type(records).items():
        figures.published.labels(log_name, kind, result).inc(count)


def _trace_published(record: Record, *, told: float, began: float, ended: float) -> None:
    about = {"messaging.destination.name": record.type, "messaging.message.id": str(record.id)}
    waited = about | {"nexus.outbox.wait_ms": round(1000 * (began - told), 3)}
    # The instant that an event carries is older than its commit, and by another machine's clock.
    tracing.record("wait in the log", parent=record.traceparent, began=min(told, began), ended=began, attributes=waited)
    sent = about | {"messaging.operation.type": "send"}
    name = f"publish {record.type}"
    tracing.record(name, parent=record.traceparent, began=began, ended=ended, kind=SpanKind.PRODUCER, attributes=sent)


class Handling:
    """One type's events of a message in one subscriber's hands."""

    def __init__(self, subscriber: str, kind: str, records: Sequence[Record]) -> None:
        self.subscriber, self.kind, self.records = subscriber, kind, records
        self.outcome = Outcome()
        self._began = time.time()
        self._spans: dict[Any, Span] = {
            record.id: tracing.start(
                f"process {kind}",
                parent=record.traceparent,
                kind=SpanKind.CONSUMER,
                attributes={
                    "messaging.destination.name": kind,
                    "messaging.operation.type": "process",
                    "messaging.consumer.group.name": subscriber,
                    "messaging.message.id": str(record.id),
                    "messaging.batch.message_count": len(records),
                },
            )
            for record in records
            if tracing.is_chosen(record.traceparent)
        }

    def mark_of(self, record: Record) -> str:
        """What everything that is told because of this event carries."""
        span = self._spans.get(record.id)
        return tracing.mark_of(span) if span else record.traceparent

    def is_over(self, failure: BaseException | None = None) -> None:
        """All of them took effect, or wait elsewhere; or the message will come again."""
        ended = time.time()
        for span in self._spans.values():
            tracing.stop(span, failure=failure, at=ended)
        for result, count in self.outcome.counts.items():
            if count:
                figures.processed.labels(self.subscriber, self.kind, result).inc(count)
        figures.processing.labels(self.subscriber, self.kind).observe(ended - self._began)
        lag = figures.event_lag.labels(self.subscriber)
        for record in self.records:
            if record.id in self.outcome.fresh:
                lag.observe(max(0.0, ended - record.time.timestamp()))
        about: dict[str, Any] = {"labels.subscriber": self.subscriber}
        about |= {f"nexus.batch.{name}": count for name, count in self.outcome.counts.items()}
        _write_line("handle", self.records, began=self._began, ended=ended, about=about, failure=failure)


def _write_line(
    action: str,
    records: Sequence[Record],
    *,
    began: float,
    ended: float,
    about: dict[str, Any],
    failure: BaseException | None = None,
) -> None:
    """The canonical line of a batch; a terminal is spared it, as it is the lines of requests."""
    if settings.LOG_FORMAT != "ecs":
        return
    kinds = _by_type(records)
    line = {
        "event.dataset": "nexus.batch",
        "event.action": action,
        "event.outcome": "failure" if failure or about.get("nexus.batch.buried") else "success",
        "event.duration": int((ended - began) * 1e9),
        "labels.types": sorted(kinds),
        "nexus.batch.events": len(records),
    }
    line |= about | ({"error.type": type(failure).__name__, "error.message": str(failure)} if failure else {})
    whose = about.get("labels.subscriber") or about.get("labels.log")
    log.info("%s %d %s %s", action, len(records), ", ".join(sorted(kinds)), whose, extra={"ecs": line})


def _by_type(records: Sequence[Record]) -> dict[str, int]:
    return Counter(record.type for record in records)
