"""What the map is made of: probes that keep nobody waiting, rates, latencies, and what they mean."""

import threading
import time

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram

from nexus.eventbus.doctor import State
from nexus.gateway.map import health
from nexus.gateway.map.counted import RECENT, SMOOTH, Counted, Meter, Standstill, Tally
from nexus.gateway.map.health import judged
from nexus.gateway.map.probes import SILENCE, Probes


class TestProbes:
    def test_one_that_hangs_keeps_no_other_waiting(self) -> None:
        hangs = threading.Event()
        probes: Probes[object] = Probes({"hangs": hangs.wait, "answers": lambda: 7}, within=0.3)

        began = time.monotonic()
        found = probes.ask()
        took = time.monotonic() - began
        hangs.set()
        probes.close()

        assert (found["answers"].answer, found["answers"].why) == (7, "")
        assert (found["hangs"].answer, found["hangs"].why) == (None, SILENCE)
        assert took < 1

    def test_one_that_hangs_is_not_asked_again(self) -> None:
        hangs, asked = threading.Event(), []

        def question() -> bool:
            asked.append(1)
            return hangs.wait()

        probes = Probes({"hangs": question}, within=0.05)
        findings = [probes.ask()["hangs"] for _ in range(3)]
        hangs.set()
        probes.close()

        assert len(asked) == 1
        assert findings[2].seconds > findings[0].seconds

    def test_one_that_fails_says_why_in_one_line(self) -> None:
        def question() -> None:
            raise ConnectionError("refused\nand a long explanation")

        probes = Probes({"fails": question})
        found = probes.ask()["fails"]
        probes.close()

        assert found.why == "refused"


class TestTally:
    def test_reckons_within_how_many_seconds_a_share_was_done(self) -> None:
        tally = Tally(count=100, within={0.1: 50, 0.2: 100, float("inf"): 100})

        assert tally.quantile(0.5) == pytest.approx(0.1)
        assert tally.quantile(0.75) == pytest.approx(0.15)

    def test_says_nothing_about_nothing(self) -> None:
        assert Tally().quantile(0.5) is None

    def test_names_the_last_edge_for_what_took_longer(self) -> None:
        assert Tally(count=2, within={1.0: 0, float("inf"): 2}).quantile(0.95) == 1.0

    def test_counts_anew_after_a_restart(self) -> None:
        assert Tally(count=3).since(Tally(count=9)).count == 3


class TestMeter:
    def test_gives_the_rate_of_the_last_seconds(self) -> None:
        meter = Meter()
        for second in range(10):
            slow_then_fast = 10.0 * second if second < 5 else 50.0 + 100 * (second - 5)
            rate = meter.rate("told", slow_then_fast, at=second)

        assert rate == pytest.approx(100), f"over {SMOOTH} s"

    def test_never_falls_below_nought(self) -> None:
        meter = Meter()
        meter.rate("told", 100, at=0)

        assert meter.rate("told", 5, at=1) == 0

    def test_begins_anew_where_there_was_no_total(self) -> None:
        meter = Meter()
        meter.rate("told", 100, at=0)
        meter.rate("told", None, at=1)

        assert meter.rate("told", 1_000_000, at=2) is None


class TestStandstill:
    def test_lasts_from_the_first_look_at_it(self) -> None:
        standstill = Standstill()

        assert [standstill.seconds("orders", waits=True, moves=False, at=at) for at in (5, 6, 9)] == [0, 1, 4]

    @pytest.mark.parametrize(("waits", "moves"), [(True, True), (False, False)])
    def test_is_over_when_something_was_taken_or_nothing_waits(self, waits: bool, moves: bool) -> None:
        standstill = Standstill()
        standstill.seconds("orders", waits=True, moves=False, at=0)

        assert standstill.seconds("orders", waits=waits, moves=moves, at=9) == 0
        assert standstill.seconds("orders", waits=True, moves=False, at=10) == 0


class TestCounted:
    @pytest.fixture
    def registry(self) -> CollectorRegistry:
        return CollectorRegistry()

    def test_gives_requests_to_the_app_behind_the_route(self, registry: CollectorRegistry) -> None:
        labels = ["http_request_method", "http_route", "http_response_status_code"]
        requests = Histogram("http_server_request_duration_seconds", "", labels, registry=registry, buckets=(0.1, 1.0))
        for route, status in (("/api/v1/orders", "201"), ("/api/v1/orders/*", "500"), ("/livez", "200")):
            requests.labels("GET", route, status).observe(0.05)

        now, _ = Counted().read(registry.collect(), at=0)

        assert (now.requests["orders"].count, now.requests["orders"].errors) == (2, 1)
        assert now.requests[""].count == 2, "probes are no customers"
        assert now.requests["orders"].quantile(1) == pytest.approx(0.1)

    def test_remembers_as_long_as_a_latency_is_about(self, registry: CollectorRegistry) -> None:
        shed = Counter("nexus_shed", "", ["reason"], registry=registry)
        counted = Counted()
        for second in range(30):
            shed.labels("pressure").inc()
            now, before = counted.read(registry.collect(), at=second)

        assert now.totals["shed"] - before.totals["shed"] == RECENT


class TestHealth:
    def test_says_the_worst_first(self) -> None:
        seen = judged({}, [(State.POORLY, "slow"), (State.BROKEN, "gone")])

        assert (seen.state, seen.says) == (State.BROKEN, ["gone", "slow"])

    @pytest.mark.parametrize(
        ("complaints", "words"),
        [
            (health.about_answer("store-orders", "PostgreSQL", SILENCE), "neither placed nor read"),
            (health.about_answer("store-catalog", "MongoDB", "refused"), "Products cannot be read"),
            (health.about_answer("bus", "RabbitMQ", SILENCE), "confirmed when it is back"),
            (
                health.about_queue("inventory", {"waiting": 9.0}, stuck_for=60),
                "Nobody takes what inventory should hear",
            ),
            (health.about_log("orders", {"age": 90.0, "pending": 4.0}), "the oldest for 90 s"),
            (health.about_instances("orders", 1.0), "No instance of orders answers"),
        ],
    )
    def test_says_in_plain_words_what_is_broken(self, complaints: object, words: str) -> None:
        [(state, sentence), *_] = list(complaints)  # type: ignore[call-overload]

        assert state is State.BROKEN
        assert words in sentence

    @pytest.mark.parametrize(
        "complaints",
        [
            health.about_requests({"errors": 0.2}, 100),
            health.about_letters({"dead": 1.0}),
            health.about_queue("orders", {"waiting": 5000.0}, stuck_for=0),
            health.about_log("orders", {"age": 9.0, "pending": 4.0}),
            health.about_instances("orders", 0.5),
        ],
    )
    def test_knows_what_is_bearable(self, complaints: object) -> None:
        assert [state for state, _ in complaints] == [State.POORLY]  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        "complaints",
        [
            health.about_answer("redis", "Redis", ""),
            health.about_requests({"errors": 1.0}, 2),
            health.about_letters({"dead": None}),
            health.about_queue("orders", {}, stuck_for=0),
            health.about_log("orders", {"age": 1.0}),
            health.about_instances("orders", None),
        ],
    )
    def test_is_silent_about_what_is_well(self, complaints: object) -> None:
        assert list(complaints) == []  # type: ignore[call-overload]
