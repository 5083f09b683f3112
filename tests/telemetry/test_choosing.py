"""Which requests are traced, and under which names."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from nexus.telemetry import tracing
from nexus.web.instruments import Traced
from tests.scopes import scope

CHOSEN, LEFT = (f"00-{'ab' * 16}-{'cd' * 8}-{flags}" for flags in ("01", "00"))
Begin = Callable[..., InMemorySpanExporter]


@pytest.fixture
def begin() -> Iterator[Begin]:
    def begin(**options: Any) -> InMemorySpanExporter:
        exporter = InMemorySpanExporter()
        tracing.begin("web", exporter, **options)
        return exporter

    yield begin
    tracing.end()


def mark_after(given: str = "", **more: Any) -> str:
    """The mark that a request carries once it is traced, or is not."""
    traced = Traced(scope("/api/v1/orders", headers=[("traceparent", given)] if given else [], **more))
    traced.end(200)
    [found] = [value.decode() for name, value in traced.scope["headers"] if name == b"traceparent"]
    return found


class TestARequest:
    def test_of_a_customer_is_chosen_by_us(self, begin: Begin) -> None:
        begin(share=0.0, from_customers=True)

        mark = mark_after(CHOSEN)

        assert mark.startswith(CHOSEN[:36])
        assert not tracing.is_chosen(mark)

    def test_behind_our_gateway_was_chosen_there(self, begin: Begin) -> None:
        begin(share=0.0)

        assert tracing.is_chosen(mark_after(CHOSEN))

    def test_that_was_left_is_left(self, begin: Begin) -> None:
        begin(share=1.0)

        assert not tracing.is_chosen(mark_after(LEFT))

    def test_with_a_method_of_its_own_making_has_a_name_of_ours(self, begin: Begin) -> None:
        exporter = begin(share=1.0)

        mark_after(method="BREW")
        tracing.end()

        [span] = exporter.get_finished_spans()
        assert span.name == "_OTHER /api/v1/orders"


class TestTheEnd:
    def test_sends_what_is_finished(self, begin: Begin) -> None:
        exporter = begin(share=1.0)
        mark_after()

        tracing.end()

        assert len(exporter.get_finished_spans()) == 1
        assert not tracing.is_on()

    @pytest.mark.parametrize("mark", ["", "abc1", "00-1-1-01"])
    def test_of_a_mark_that_is_none_comes_nothing(self, begin: Begin, mark: str) -> None:
        begin(share=1.0)

        assert not tracing.is_chosen(mark)


def test_a_collector_that_is_away_keeps_nobody(begin: Begin) -> None:
    exporter = begin(share=1.0)
    exporter.export = lambda spans: SpanExportResult.FAILURE  # type: ignore[method-assign]

    assert mark_after()
