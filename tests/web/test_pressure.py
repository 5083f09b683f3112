"""Who is sent away first when there is too much to do."""

import asyncio
import threading
from typing import Any

import pytest

from nexus.web.express import Route
from nexus.web.express.lane import Lane, patience_with
from nexus.web.express.ordinary import Ordinary
from tests.scopes import scope
from tests.web.test_express import declining


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (("GET", "/api/v1/products"), ("GET", "/api/v1/orders")),
        (("HEAD", "/api/docs"), ("GET", "/api/v1/accounts/me")),
        (("GET", "/api/v1/orders"), ("POST", "/api/v1/orders")),
    ],
)
def test_who_looks_around_goes_before_who_reads_and_who_buys_goes_last(
    earlier: tuple[str, str], later: tuple[str, str]
) -> None:
    assert patience_with(*earlier) < patience_with(*later) <= 1.0


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/readyz/", "/startupz"])
def test_probes_are_answered_however_busy_we_are(path: str) -> None:
    assert statuses_at(1.0, ("GET", path)) == [200]


def test_keys_that_verify_tokens_go_last() -> None:
    assert statuses_at(0.9, ("GET", "/.well-known/jwks.json")) == [200]


def statuses_at(pressure: float, *asked: tuple[str, str]) -> list[int]:
    """What a lane answers whose route says it is that full."""

    def ordinary(environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [])
        return [b""]

    route = Route(method="POST", path="/queue", handle=declining, allow="POST", pressure=lambda: pressure)
    lane = Lane(routes=[route], ordinary=Ordinary(ordinary))

    async def ask(method: str, path: str) -> int:
        said: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            said.append(message)

        await lane(scope(path, method=method), receive, send)
        headers = dict(said[0]["headers"])
        assert said[0]["status"] == 200 or headers[b"retry-after"] == b"1"
        return int(said[0]["status"])

    async def run() -> list[int]:
        return [await ask(*each) for each in asked]

    return asyncio.run(run())


BROWSE, READ, BUY = ("GET", "/api/v1/products"), ("GET", "/api/v1/orders"), ("POST", "/api/v1/orders")


@pytest.mark.parametrize(
    ("pressure", "statuses"),
    [(0.5, [200, 200, 200]), (0.7, [503, 200, 200]), (0.9, [503, 503, 200]), (1.0, [503, 503, 503])],
)
def test_a_full_queue_sends_away_one_kind_after_another(pressure: float, statuses: list[int]) -> None:
    assert statuses_at(pressure, BROWSE, READ, BUY) == statuses


def test_requests_under_way_are_pressure_too() -> None:
    held, begun = threading.Event(), threading.Semaphore(0)

    def ordinary(environ: Any, start: Any) -> list[bytes]:
        begun.release()
        held.wait(10)
        start("200 OK", [])
        return [b""]

    async def run() -> float:
        way = Ordinary(ordinary, threads=2, waiting=2)
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        tasks = [asyncio.ensure_future(way.answer(scope(), b"", send)) for _ in range(3)]
        await asyncio.get_running_loop().run_in_executor(None, begun.acquire)
        pressure = way.pressure
        held.set()
        await asyncio.gather(*tasks)
        assert way.pressure == 0
        return pressure

    assert asyncio.run(run()) == 3 / 4
