"""The living map of a shop that runs: who may see it, and what it shows."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from tests.journeys.system import System, running_system
from tests.journeys.watching import STREAM, Snapshot, events_of, get, session_of, snapshots, watching

PAGE = "/admin/map/"
ORDERS = "/api/v1/orders"
PATIENCE = 40.0
MOST = 32


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("shop")) as system:
        yield system


@pytest.fixture(scope="module")
def staff(shop: System) -> str:
    return session_of(shop, "staff")


@pytest.fixture(scope="module")
def customer(shop: System) -> str:
    return session_of(shop, "customer")


def until(shop: System, staff: str, is_so: Callable[[Snapshot], Any]) -> Snapshot:
    """The first snapshot of which that is true."""
    deadline, snapshot = time.monotonic() + PATIENCE, {}
    for snapshot in snapshots(shop, staff):
        if is_so(snapshot):
            return snapshot
        if time.monotonic() > deadline:
            break
    raise AssertionError(f"not within {PATIENCE} s; the last was {snapshot}")


def buy(shop: System, **headers: str) -> dict[str, Any]:
    order = {"lines": [{"sku": shop.demo()["sku"], "quantity": 1}]}
    answer = shop.call("POST", ORDERS, order, Authorization=shop.log_in("customer"), Prefer="wait=10", **headers)
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.body
    return found


class TestWhoMaySee:
    @pytest.mark.parametrize("path", [PAGE, "/admin/map/orders/latest"])
    def test_strangers_are_sent_to_log_in(self, shop: System, path: str) -> None:
        answer, _ = get(shop, path)

        assert (answer.status, answer.headers["Location"]) == (302, f"/admin/login/?next={path}")

    @pytest.mark.parametrize("path", [PAGE, "/admin/map/orders/latest"])
    def test_customers_are_no_staff(self, shop: System, customer: str, path: str) -> None:
        answer, _ = get(shop, path, cookies=customer)

        assert answer.status == 302

    def test_the_stream_is_refused_to_strangers(self, shop: System) -> None:
        answer, body = get(shop, STREAM)

        assert (answer.status, json.loads(body)["code"]) == (401, "not_authenticated")
        assert 'cookie-name="sessionid"' in answer.headers["WWW-Authenticate"]

    def test_the_stream_is_refused_to_customers(self, shop: System, customer: str) -> None:
        answer, body = get(shop, STREAM, cookies=customer)

        assert (answer.status, json.loads(body)["code"]) == (403, "forbidden")

    def test_the_stream_can_only_be_read(self, shop: System, staff: str) -> None:
        answer, _ = get(shop, STREAM, cookies=staff, method="POST")

        assert answer.status == 405

    def test_a_session_that_ended_is_none(self, shop: System) -> None:
        ended = session_of(shop, "staff")
        shop.sql("accounts", "DELETE FROM django_session WHERE session_key = %s", ended.partition("sessionid=")[2])

        answer, _ = get(shop, STREAM, cookies=ended)

        assert answer.status == 401


class TestThePage:
    def test_draws_every_app_with_its_store(self, shop: System, staff: str) -> None:
        answer, body = get(shop, PAGE, cookies=staff)

        drawn = body.decode()
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        for box in (
            "customers",
            "gateway",
            "accounts",
            "catalog",
            "inventory",
            "orders",
            "store-orders",
            "redis",
            "bus",
        ):
            assert f'data-id="{box}"' in drawn
        for arrow in ("gateway&gt;orders", "orders&gt;bus", "bus&gt;inventory", "inventory&gt;redis"):
            assert f'data-id="{arrow}"' in drawn

    def test_is_found_from_the_front_page(self, shop: System) -> None:
        assert f'href="{PAGE}"' in get(shop, "/")[1].decode() or PAGE in shop.call("GET", "/").body["links"].values()


class TestTheStream:
    def test_begins_with_the_past(self, shop: System, staff: str) -> None:
        began = time.monotonic()
        with watching(shop, staff) as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            assert (stream.headers["Cache-Control"], stream.headers["X-Accel-Buffering"]) == ("no-store", "no")
            assert stream.readline() == b"retry: 2000\n"
            names = [name for name, _ in events_of(stream)]

        assert names[:2] == ["past", "now"]
        assert names[-1] == "again"
        assert time.monotonic() - began < 15, "it ends by itself, so that a server can stop"

    def test_spares_the_past_to_whoever_knows_it(self, shop: System, staff: str) -> None:
        with watching(shop, staff, "?again") as stream:
            name, _ = next(events_of(stream))

        assert name == "now"

    def test_has_the_figures_of_what_goes_on(self, shop: System, staff: str) -> None:
        def is_alive(snapshot: Snapshot) -> bool:
            buy(shop)
            shop.call("GET", "/api/v1/products?page_size=1")
            figures = {name: each["figures"] for name, each in snapshot.items()}
            rates = [figures["gateway>orders"]["rate"], figures["gateway>catalog"]["rate"], figures["bus"]["heard"]]
            rates += [
                figures["orders>bus"]["told"],
                figures["bus>inventory"]["heard"],
                figures["inventory>bus"]["told"],
            ]
            rates += [figures["bus>orders"]["heard"], figures["store-orders"]["writes"]]
            return all(rates)

        snapshot = until(shop, staff, is_alive)

        orders = snapshot["orders"]["figures"]
        assert 0 < orders["p50"] <= orders["p95"] < 10
        assert orders["errors"] == 0
        assert snapshot["bus>inventory"]["figures"]["lag"] < 60
        assert snapshot["customers"]["figures"]["rate"] >= orders["rate"]
        assert {each["state"] for each in snapshot.values()} == {"well"}

    def test_has_room_for_so_many_and_no_more(self, shop: System, staff: str) -> None:
        with ExitStack() as everybody, ThreadPoolExecutor(MOST) as at_once:
            # All at once: a stream ends by itself after some seconds.
            opened = list(at_once.map(lambda _: everybody.enter_context(watching(shop, staff)), range(MOST)))
            statuses = [stream.status for stream in opened]
            answer, body = get(shop, STREAM, cookies=staff)

        assert statuses == [200] * MOST
        assert (answer.status, json.loads(body)["code"]) == (503, "busy")
        assert answer.headers["Retry-After"] == "10"


class TestTheServer:
    def test_can_be_stopped_while_somebody_watches(self, shop: System, staff: str) -> None:
        with watching(shop, staff) as stream:
            next(events_of(stream))
            began = time.monotonic()
            try:
                shop.kill("web", signal.SIGTERM)
                took = time.monotonic() - began
            finally:
                shop.start("web")

        assert took < 15


class TestAnEngineThatIsAway:
    def test_is_red_while_everything_else_goes_on(self, shop: System, staff: str) -> None:
        engine = shop.stop_engine("valkey")
        try:
            snapshot = until(shop, staff, lambda each: each["redis"]["state"] == "broken")
            buy(shop)
        finally:
            shop.start_engine(engine)

        assert "Stock is read from PostgreSQL" in snapshot["redis"]["says"][0]
        assert snapshot["inventory>redis"]["state"] == "broken"
        rest = {name: each["state"] for name, each in snapshot.items() if "redis" not in name}
        assert set(rest.values()) == {"well"}, rest
        until(shop, staff, lambda each: each["redis"]["state"] == "well")


class TestAnOrdersWay:
    def way(self, shop: System, staff: str, reference: str) -> dict[str, Any]:
        answer, body = get(shop, f"/admin/map/orders/{reference}", cookies=staff)
        assert answer.status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found

    def test_is_complete_and_in_order(self, shop: System, staff: str) -> None:
        asked = f"map-{uuid4()}"
        order = buy(shop, X_Request_ID=asked)

        way = self.way(shop, staff, order["id"])

        assert (way["number"], way["state"], way["correlation_id"]) == (order["number"], "confirmed", asked)
        assert [(step["app"], step["kind"], step["title"]) for step in way["steps"]] == [
            ("orders", "told", "order placed"),
            ("inventory", "heard", "order placed"),
            ("inventory", "told", "stock reserved"),
            ("orders", "heard", "stock reserved"),
            ("orders", "told", "order confirmed"),
        ]
        instants = [step["at"] for step in way["steps"]]
        assert instants == sorted(instants)

    def test_is_found_by_number_and_as_the_newest(self, shop: System, staff: str) -> None:
        order = buy(shop)

        assert self.way(shop, staff, order["number"])["id"] == order["id"]
        assert self.way(shop, staff, order["number"].lower())["id"] == order["id"]
        assert self.way(shop, staff, "latest")["id"] == order["id"]

    @pytest.mark.parametrize("reference", [str(uuid4()), "N-2026-999999", "nonsense"])
    def test_of_an_unknown_order_is_a_problem(self, shop: System, staff: str, reference: str) -> None:
        answer, body = get(shop, f"/admin/map/orders/{reference}", cookies=staff)

        assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")
        assert json.loads(body)["code"] == "not_found"

    def test_says_nothing_about_who_ordered(self, shop: System, staff: str) -> None:
        order = buy(shop)

        [(customer,)] = shop.sql("orders", "SELECT customer_id FROM orders_order WHERE id = %s", order["id"])

        assert str(customer) not in json.dumps(self.way(shop, staff, order["id"]))
