"""What Prometheus is told by a shop of several processes."""

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.eventually import eventually
from tests.telemetry.observed import ObservedShop
from tests.telemetry.test_traces import PLACED, RESERVED, place

REQUESTS = "http_server_request_duration_seconds_count"
APPLIED = "nexus_inbox_processed_total"


def children_of(pid: int) -> list[int]:
    said = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in said.stdout.split()]


class TestRequests:
    def test_are_added_up_over_the_workers(self, observed: ObservedShop) -> None:
        about = {"http_request_method": "GET", "http_route": "/api/v1/categories", "http_response_status_code": "200"}
        before = observed.figure("web", REQUESTS, **about)

        with ThreadPoolExecutor(8) as many:
            list(many.map(lambda _: observed.call("GET", "/api/v1/categories"), range(40)))

        # A request is counted when its answer has gone.
        eventually(lambda: observed.figure("web", REQUESTS, **about) >= before + 40)
        assert observed.figure("web", REQUESTS, **about) == before + 40

    def test_have_few_names_whatever_is_asked_for(self, observed: ObservedShop) -> None:
        def names() -> set[str]:
            return {dict(has)["http_route"] for (name, has) in observed.scrape("web") if name == REQUESTS}

        def methods() -> set[str]:
            return {dict(has)["http_request_method"] for (name, has) in observed.scrape("web") if name == REQUESTS}

        before = names()

        for number in range(60):
            observed.call("GET", f"/api/v1/products/no-such-thing-{number}")
            observed.call("GET", f"/no/{number}/such/page")
            observed.call("BREW", f"/coffee/{number}")

        assert names() - before <= {"/api/v1/products/*", "other"}
        assert "BREW" not in methods()

    def test_count_those_under_way_and_the_places_there_are(self, observed: ObservedShop) -> None:
        place(observed)

        eventually(lambda: observed.figure("web", "nexus_pool_size", pool="threads") == 32)
        eventually(lambda: observed.figure("web", "nexus_pool_size", pool="postgres orders") > 0)
        assert observed.figure("web", "nexus_pool_in_use", pool="threads") <= 32


class TestTheBus:
    def test_tells_what_became_of_an_order(self, observed: ObservedShop) -> None:
        def told() -> dict[str, float]:
            relay, inventory, orders = "relay", "worker inventory", "worker orders"
            return {
                "published": observed.figure(relay, "nexus_outbox_published_total", type=PLACED, result="ok"),
                "waited": observed.figure(relay, "nexus_outbox_wait_seconds_count", log="orders"),
                "reserved": observed.figure(inventory, APPLIED, type=PLACED, result="applied"),
                "heard": observed.figure(orders, APPLIED, type=RESERVED, result="applied"),
                "verdicts": observed.figure(orders, "nexus_saga_duration_seconds_count", outcome="confirmed"),
            }

        eventually(observed.settled)
        before = told()

        place(observed)

        eventually(lambda: told()["verdicts"] == before["verdicts"] + 1)
        after = told()
        assert {name: after[name] - before[name] for name in ("published", "reserved", "heard", "verdicts")} == {
            "published": 1,
            "reserved": 1,
            "heard": 1,
            "verdicts": 1,
        }
        assert after["waited"] > before["waited"]

    def test_keeps_what_a_worker_counted_that_was_killed(self, observed: ObservedShop) -> None:
        place(observed)
        eventually(observed.settled)
        counted = observed.figure("worker inventory", APPLIED, type=PLACED, result="applied")

        children = children_of(observed.processes["worker inventory"].pid)
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        place(observed)

        eventually(observed.settled)
        assert children
        eventually(
            lambda: observed.figure("worker inventory", APPLIED, type=PLACED, result="applied") == counted + 1,
            within=10,
        )

    @pytest.mark.parametrize(
        "name",
        ["nexus_postgres_connections", "nexus_redis_memory_bytes", "nexus_mongo_connections", "nexus_outbox_pending"],
    )
    def test_knows_the_engines(self, observed: ObservedShop, name: str) -> None:
        web = {each for each, _ in eventually(lambda: observed.scrape("web"))}

        assert name in {each for each, _ in observed.scrape("relay")}
        assert REQUESTS in web
        assert name not in web

    def test_goes_on_without_those_that_are_away(self, observed: ObservedShop) -> None:
        engine = observed.stop_engine("valkey")
        try:
            names = {each for each, _ in observed.scrape("relay")}
        finally:
            observed.start_engine(engine)

        assert "nexus_redis_memory_bytes" not in names
        assert "nexus_postgres_connections" in names
