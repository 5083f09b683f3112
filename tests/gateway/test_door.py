"""The gateway as a process before a service: who is let in, how long one waits, what is said when nobody answers."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings

from tests.eventually import eventually
from tests.gateway.door import Raw, both, door, send, served
from tests.gateway.test_conformance import BASE, request
from tests.ports import free_port

Ports = tuple[int, int]


@pytest.fixture
def clean_redis_url(clean_redis: object) -> str:
    return str(settings.REDIS_URL)


class TestLimits:
    def test_a_forged_address_makes_nobody_another(self, tmp_path: Path, clean_redis_url: str) -> None:
        forged = ["X-Forwarded-For: 10.0.{0}.{1}", "Forwarded: for=10.0.{0}.{1}", "X-Real-IP: 10.0.{0}.{1}"]
        with both(tmp_path, NEXUS_RATE_LIMIT="30/3600", NEXUS_REDIS_URL=clean_redis_url) as (_, port):
            statuses = [
                send(port, request("GET", f"{BASE}/echo", *[line.format(n // 250, n % 250) for line in forged])).status
                for n in range(100)
            ]

        assert statuses.count(200) == 30
        assert statuses[30:] == [429] * 70

    def test_exactly_fifty_of_two_hundred_at_once_pass(self, tmp_path: Path, clean_redis_url: str) -> None:
        with (
            both(tmp_path, NEXUS_RATE_LIMIT="50/3600", NEXUS_REDIS_URL=clean_redis_url) as (_, port),
            ThreadPoolExecutor(16) as pool,
        ):
            statuses = [answer.status for answer in pool.map(lambda _: send(port, request()), range(200))]

        assert statuses.count(200) == 50
        assert statuses.count(429) == 150

    def test_without_redis_callers_are_still_limited(self, tmp_path: Path) -> None:
        with both(tmp_path, NEXUS_RATE_LIMIT="50/3600", NEXUS_REDIS_URL="redis://127.0.0.1:1/0") as (_, port):
            statuses = [send(port, request()).status for _ in range(60)]

        assert statuses == [200] * 50 + [429] * 10


def test_a_token_that_is_none_is_refused_at_the_door(open_door: Ports) -> None:
    answer = send(open_door[1], request("GET", f"{BASE}/echo", "Authorization: Bearer x.y.z"))

    assert answer.status == 401
    assert "invalid_token" in answer.header("www-authenticate")
    assert b"digest" not in answer.body


@pytest.fixture(scope="module")
def open_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """Without limits."""
    free = {"NEXUS_RATE_LIMIT": "0", "NEXUS_REDIS_URL": "redis://127.0.0.1:1/0"}
    with both(tmp_path_factory.mktemp("door"), NEXUS_SERVICE_SECONDS="orders=1", **free) as ports:
        yield ports


class TestDeadlines:
    def test_the_service_hears_until_when_an_answer_is_of_use(self, open_door: Ports) -> None:
        seen = hears(open_door[1])

        assert 0 < float(seen["x-request-deadline"]) - time.time() <= 1

    def test_a_client_may_ask_for_less(self, open_door: Ports) -> None:
        soon = time.time() + 0.5
        seen = hears(open_door[1], f"X-Request-Deadline: {soon:.3f}")

        assert float(seen["x-request-deadline"]) == pytest.approx(soon, abs=0.01)

    def test_a_client_may_not_ask_for_more(self, open_door: Ports) -> None:
        seen = hears(open_door[1], f"X-Request-Deadline: {time.time() + 100}")

        assert float(seen["x-request-deadline"]) - time.time() <= 1

    def test_what_comes_too_late_is_not_begun(self, open_door: Ports) -> None:
        answer = send(open_door[1], request("GET", f"{BASE}/echo", f"X-Request-Deadline: {time.time() - 1}"))

        assert answer.status == 504
        assert b"too_late" in answer.body

    def test_a_service_that_takes_too_long_is_given_up(self, open_door: Ports) -> None:
        began = time.monotonic()
        answer = send(open_door[1], request("GET", f"{BASE}/slow"))

        assert answer.status == 504
        assert time.monotonic() - began < 10, "the service would take thirty seconds"


def hears(port: int, *headers: str) -> dict[str, str]:
    """The headers by name that a service behind the door gets."""
    answer = send(port, request("GET", f"{BASE}/heard", *headers))
    assert answer.status == 200, answer
    told = [line.split(": ", 1) for line in answer.body.decode().splitlines()]
    assert len({name for name, _ in told}) == len(told), "of two, the service may take the one that the client sent"
    return dict(told)  # type: ignore[arg-type]


def test_the_service_hears_who_asks_from_the_door_alone(open_door: Ports) -> None:
    seen = hears(open_door[1], "X-Forwarded-For: 9.9.9.9", "X-User-Id: 7", "X-Request-ID: mine-is-this-one")

    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-request-id"] == "mine-is-this-one"
    assert "x-user-id" not in seen
    assert seen["host"] == "localhost"


def test_events_come_one_by_one(open_door: Ports) -> None:
    """The service sends three, the second when the test has seen the first."""
    with socket.create_connection(("127.0.0.1", open_door[1]), timeout=15) as connection:
        connection.sendall(request("GET", f"{BASE}/held"))
        said = b""
        while b"data: first" not in said:
            said += connection.recv(4096)
        assert b"data: last" not in said
        assert send(open_door[1], request("POST", f"{BASE}/let-go")).status == 200
        while more := connection.recv(4096):
            said += more

    assert b"data: last" in said


def test_an_answer_that_breaks_off_does_not_look_whole(open_door: Ports) -> None:
    answer = send(open_door[1], request("GET", f"{BASE}/broken"))

    assert answer.status == 200
    assert answer.body == b"begun"
    assert not answer.whole


def test_who_leaves_is_waited_for_by_nobody(open_door: Ports) -> None:
    """The service's connection ends when the client's does."""
    with socket.create_connection(("127.0.0.1", open_door[1]), timeout=15) as connection:
        connection.sendall(request("GET", f"{BASE}/held"))
        while b"data: first" not in connection.recv(4096):
            pass

    eventually(lambda: send(open_door[1], request("GET", f"{BASE}/holding")).body == b"0", within=15)


def test_paths_without_a_route_are_answered_here(open_door: Ports) -> None:
    assert send(open_door[1], request("GET", "/livez")).status == 200
    assert send(open_door[1], request("GET", "/readyz")).status == 200
    assert send(open_door[1], request("GET", "/admin/")).status == 404
    assert send(open_door[1], request("GET", "/api/v1/inventory/locations")).status == 404


class TestWithoutTheService:
    """A service that has answered once, and is gone."""

    PRODUCTS = "/api/v1/products"

    def answers(self, port: int, *names: str) -> list[Raw]:
        return [send(port, request("GET", f"{self.PRODUCTS}/{name}")) for name in names]

    def test_public_reads_are_answered_with_what_was_said_last(self, tmp_path: Path) -> None:
        free = {"NEXUS_RATE_LIMIT": "0", "NEXUS_REDIS_URL": "redis://127.0.0.1:1/0"}
        back = free_port()
        with door({"catalog": f"http://127.0.0.1:{back}"}, folder=tmp_path, **free) as front:
            with served("tests.gateway.service_app:app", folder=tmp_path, port=back):
                fresh, *_ = self.answers(front, "tagged", "private", "teapot")

            stale, private, teapot, new = self.answers(front, "tagged", "private", "teapot", "cookies")
            known = send(front, request("GET", f"{self.PRODUCTS}/tagged", 'If-None-Match: "one"'))
            somebody = send(front, request("GET", f"{self.PRODUCTS}/tagged", "Cookie: sessionid=1"))
            order = send(front, request("POST", f"{self.PRODUCTS}/tagged", body=b"{}"))
            elsewhere = send(front, request("GET", f"{self.PRODUCTS}/tagged").replace(b"localhost", b"localhost:6666"))
            twice = send(front, request("GET", f"{self.PRODUCTS}/tagged", "Accept: text/html", "Accept: */*"))
            soon = f"X-Request-Deadline: {time.time() - 1}"
            in_haste = send(front, request("GET", f"{self.PRODUCTS}/tagged", soon))

        assert (stale.status, stale.body) == (200, fresh.body) == (200, b"tagged")
        assert stale.header("cache-status").startswith("nexus; hit; ttl=-")
        assert int(stale.header("age")) >= 0
        assert not fresh.header("cache-status")
        assert (known.status, known.body) == (304, b"")
        assert in_haste.status == 504
        for answer in (private, teapot, new, somebody, order, elsewhere, twice):
            assert answer.status == 503
            assert answer.header("retry-after")
