"""One order is one trace, from the request to the reply, over RabbitMQ and four kinds of processes."""

import secrets
from collections.abc import Callable

import pytest

from tests.eventually import eventually
from tests.telemetry.collector import Collector, Seen
from tests.telemetry.observed import ObservedShop

PLACED, RESERVED = "orders.order-placed.v1", "inventory.stock-reserved.v1"
REQUEST = "POST /api/v1/orders"
STEPS = {
    *(REQUEST, "wait for the batch", "write the batch", "wait in the log"),
    *(f"{step} {event}" for step in ("publish", "process") for event in (PLACED, RESERVED)),
}
SERVER, CONSUMER = 2, 5
Found = Callable[[str], Seen]


def place(shop: ObservedShop, **headers: str) -> str:
    demo = shop.demo()
    answer = shop.call(
        "POST",
        "/api/v1/orders",
        {"lines": [{"sku": demo["sku"], "quantity": 1}]},
        Authorization=shop.log_in("customer"),
        **headers,
    )
    assert answer.status == 201, answer.body
    identity: str = answer.body["id"]
    return identity


def mark_of(shop: ObservedShop, order_id: str) -> str:
    """The traceparent that the order's first event carries."""
    [[kept]] = shop.sql("orders", "SELECT traceparent FROM event_log WHERE subject = %s AND sequence = 1", order_id)
    return str(kept)


@pytest.fixture(scope="module")
def trace(observed: ObservedShop, collector: Collector) -> list[Seen]:
    """All that is told of one order."""
    trace_id = secrets.token_hex(16)
    place(observed, traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-01")

    def is_whole() -> list[Seen]:
        # Each process sends its spans once a second, and none waits for the others.
        spans = collector.trace(trace_id)
        return spans if {each.name for each in spans} >= STEPS else []

    return eventually(is_whole, within=30)


def only(trace: list[Seen], name: str) -> Seen:
    [found] = [each for each in trace if each.name == name]
    return found


class TestTheTraceOfAnOrder:
    def test_passes_web_relay_and_both_workers(self, trace: list[Seen]) -> None:
        where = {each.name: each.service for each in trace}

        assert where[REQUEST] == "nexus-web"
        assert where[f"publish {PLACED}"] == where[f"publish {RESERVED}"] == "nexus-relay"
        assert where[f"process {PLACED}"] == where[f"process {RESERVED}"] == "nexus-worker"

    def test_says_which_subscriber_did_what(self, trace: list[Seen]) -> None:
        heard = {each.name: each.attributes["messaging.consumer.group.name"] for each in trace if each.kind == CONSUMER}

        assert heard[f"process {PLACED}"] == "inventory"
        assert heard[f"process {RESERVED}"] == "orders"

    def test_hangs_together(self, trace: list[Seen]) -> None:
        request = only(trace, REQUEST)
        reserving, confirming = only(trace, f"process {PLACED}"), only(trace, f"process {RESERVED}")

        assert request.kind == SERVER
        assert only(trace, f"publish {PLACED}").parent_id == reserving.parent_id == request.span_id
        assert only(trace, f"publish {RESERVED}").parent_id == confirming.parent_id == reserving.span_id

    def test_shows_how_long_the_order_waited(self, trace: list[Seen]) -> None:
        request = only(trace, REQUEST)
        [waited] = [each for each in trace if each.name == "wait in the log" and each.parent_id == request.span_id]
        sent = only(trace, f"publish {PLACED}")

        assert waited.ended == pytest.approx(sent.began, abs=1e-6)
        assert waited.attributes["nexus.outbox.wait_ms"] == pytest.approx(1000 * (waited.ended - waited.began), abs=1)
        assert waited.attributes["nexus.outbox.wait_ms"] > 0

    def test_shows_what_the_request_went_through(self, trace: list[Seen]) -> None:
        request = only(trace, REQUEST)
        inside = [only(trace, "wait for the batch"), only(trace, "write the batch")]

        assert [each.parent_id for each in inside] == [request.span_id] * 2
        assert all(request.began - 0.01 <= each.began <= each.ended <= request.ended + 0.01 for each in inside)

    def test_names_what_was_answered(self, trace: list[Seen]) -> None:
        request = only(trace, REQUEST)

        assert request.attributes["http.response.status_code"] == 201
        assert request.attributes["http.route"] == "/api/v1/orders"
        assert not request.failed


class TestTracing:
    def test_begins_a_trace_where_the_caller_has_none(self, observed: ObservedShop, collector: Collector) -> None:
        mark = mark_of(observed, place(observed))

        def services() -> set[str]:
            return {each.service for each in collector.trace(mark[3:35])}

        eventually(lambda: services() == {"nexus-web", "nexus-relay", "nexus-worker"}, within=30)

    def test_leaves_alone_what_the_caller_did_not_choose(self, observed: ObservedShop, collector: Collector) -> None:
        trace_id = secrets.token_hex(16)

        order_id = place(observed, traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-00")
        place(observed)

        def later_one_was_told() -> bool:
            mine = observed.sql("orders", "SELECT traceparent FROM event_log ORDER BY time DESC LIMIT 50")
            chosen = [each for [each] in mine if each[-1:] in tuple("13579bdf")]
            return any(collector.trace(each[3:35]) for each in chosen)

        eventually(later_one_was_told, within=30)
        kept = mark_of(observed, order_id)
        assert kept.startswith(f"00-{trace_id}-")
        assert kept.endswith("-00")
        assert collector.trace(trace_id) == []

    @pytest.mark.parametrize("given", ["nonsense", f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'a' * 32}-{'0' * 16}-01"])
    def test_takes_no_mark_that_is_none(self, observed: ObservedShop, collector: Collector, given: str) -> None:
        order_id = place(observed, traceparent=given)

        kept = mark_of(observed, order_id)
        assert len(kept) == 55
        assert kept[3:35] not in ("0" * 32, "a" * 32)

    def test_marks_failures(self, observed: ObservedShop, collector: Collector) -> None:
        trace_id = secrets.token_hex(16)

        engine = observed.stop_engine("mongo")
        try:
            answer = observed.call(
                "GET", f"/api/v1/products?search={trace_id}", traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-01"
            )
        finally:
            observed.start_engine(engine)

        assert answer.status == 503
        [request] = eventually(lambda: collector.trace(trace_id), within=30)
        assert request.failed
        assert request.attributes["http.response.status_code"] == 503
