"""An order as it happens: what its customer is told, when the stream ends, and who is told nothing."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connections
from prometheus_client import Gauge
from rest_framework.test import APIClient, APIRequestFactory

from nexus.contracts.base import Event
from nexus.contracts.inventory import StockRejected, StockReserved
from nexus.orders import selectors
from nexus.orders.api import stream
from nexus.orders.selectors import OrderView
from nexus.orders.services import settlement
from nexus.telemetry import figures
from nexus.telemetry.tallies import tally
from nexus.web import tokens
from nexus.web.express import Exchange, Reply
from nexus.web.express.lane import Lane
from nexus.web.express.ordinary import Ordinary
from tests.conftest import Bearer
from tests.eventually import eventually
from tests.orders.conftest import Shop
from tests.scopes import scope

pytestmark = pytest.mark.django_db(databases=["orders"], transaction=True)
Ask = Callable[..., Any]
EVENTS = ("accept", "text/event-stream")


class Browser:
    """Somebody who reads a stream, and may leave."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 0, dict[str, str](), b""
        self.has_ended = False
        self._leaves, self._came = asyncio.Event(), asyncio.Event()
        self._asked = False

    async def receive(self) -> Any:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message["body"]
            self.has_ended = not message.get("more_body", False)
        self._came.set()

    def leave(self) -> None:
        self._leaves.set()

    @property
    def told(self) -> list[tuple[str, str]]:
        """Ids of the events, and the statuses that the order had."""
        events = [
            dict(line.split(": ", 1) for line in event.splitlines()) for event in self.body.decode().split("\n\n")
        ]
        return [(event["id"], json.loads(event["data"])["status"]) for event in events if event.get("event") == "order"]

    async def has(self, count: int) -> None:
        """So many events have come."""
        async with asyncio.timeout(20):
            while len(self.told) < count:
                self._came.clear()
                await self._came.wait()


@pytest.fixture
def ordinary() -> Iterator[Ordinary]:
    before, ordinary = set(threading.enumerate()), Ordinary(WSGIHandler())
    yield ordinary
    # Its threads would end when somebody else's test is under way; those of the journeys' application stay.
    ordinary.shut_down()
    eventually(lambda: not any(each.name.startswith("ordinary") for each in set(threading.enumerate()) - before))


@pytest.fixture
def lane(ordinary: Ordinary) -> Lane:
    return Lane(routes=[stream.ROUTE], ordinary=ordinary)


@pytest.fixture
def ask(lane: Lane, bearer: Bearer, shop: Shop) -> Ask:
    """The stream of an order, for its customer unless there are other headers."""

    def request(order_id: UUID | str, *headers: tuple[str, str], customer_id: UUID | None = None, **more: Any) -> Any:
        token = bearer(customer_id or shop.customer_id)["HTTP_AUTHORIZATION"]
        # Whoever comes with the first token of a key goes the ordinary way, which fetches the key.
        tokens.verifier.claims(token.removeprefix("Bearer "))
        given = [("authorization", token), *(headers or [EVENTS])]
        version = more.pop("http_version", "1.1")
        return scope(f"/api/v1/orders/{order_id}/stream", headers=given, **more) | {"http_version": version}

    @asynccontextmanager
    async def opened(*parts: Any, **more: Any) -> AsyncIterator[tuple[Browser, asyncio.Task[None]]]:
        browser = Browser()
        task = asyncio.create_task(lane(request(*parts, **more), browser.receive, browser.send))
        try:
            yield browser, task
        finally:
            browser.leave()
            async with asyncio.timeout(20):
                await task

    return opened


def run(scene: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(scene)
    finally:
        connections.close_all()


async def hears(shop: Shop, *events: Event) -> None:
    """In a thread, as a worker would."""

    def inside() -> None:
        try:
            shop.hears(*events)
        finally:
            connections.close_all()

    await asyncio.to_thread(inside)


async def whole(ask: Ask, *parts: Any, **more: Any) -> Browser:
    """What is there when the stream has ended by itself."""
    async with ask(*parts, **more) as (browser, task), asyncio.timeout(20):
        await task
    found: Browser = browser
    return found


class TestWhoWaits:
    @pytest.mark.parametrize(("verdict", "status"), [(StockReserved, "confirmed"), (StockRejected, "rejected")])
    def test_is_told_how_it_is_and_what_becomes_of_it(
        self, ask: Ask, shop: Shop, verdict: type[Event], status: str
    ) -> None:
        order = shop.places(LAMP=1)
        more = {"skus": ("LAMP",)} if verdict is StockRejected else {}

        async def scene() -> Browser:
            async with ask(order.id) as (browser, task), asyncio.timeout(20):
                await browser.has(1)
                assert not browser.has_ended
                await hears(shop, verdict(order_id=order.id, **more))  # type: ignore[call-arg]
                await task
            return browser  # type: ignore[no-any-return]

        browser = run(scene())

        assert browser.told == [("1", "placed"), ("2", status)]
        assert browser.has_ended
        assert (browser.status, browser.headers["content-type"]) == (200, "text/event-stream")
        assert browser.headers["cache-control"] == "no-store"
        assert "content-length" not in browser.headers
        assert browser.body.startswith(b"retry: 1000\n\n")

    def test_is_told_the_order_as_it_can_be_asked_for(self, ask: Ask, shop: Shop, bearer: Bearer) -> None:
        order = confirmed(shop)

        browser = run(whole(ask, order.id))

        data = next(line for line in browser.body.decode().splitlines() if line.startswith("data: "))
        asked = APIClient().get(f"/api/v1/orders/{order.id}", **bearer(shop.customer_id))
        assert json.loads(data.removeprefix("data: ")) == asked.json()

    def test_who_comes_again_is_not_told_twice(self, ask: Ask, shop: Shop) -> None:
        order = shop.places(LAMP=1)

        async def scene() -> Browser:
            async with ask(order.id, EVENTS, ("last-event-id", "1")) as (browser, task), asyncio.timeout(20):
                while not browser.body:
                    await asyncio.sleep(0)
                await hears(shop, StockReserved(order_id=order.id))
                await task
            return browser  # type: ignore[no-any-return]

        assert run(scene()).told == [("2", "confirmed")]

    def test_comes_again_when_it_takes_long(self, ask: Ask, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stream, "LONGEST", 0.05)
        order = shop.places(LAMP=1)

        browser = run(whole(ask, order.id))

        assert browser.told == [("1", "placed")]
        assert browser.has_ended

    def test_and_leaves_is_forgotten(self, ask: Ask, shop: Shop) -> None:
        order = shop.places(LAMP=1)

        async def scene() -> list[float]:
            counts: list[float] = []
            async with ask(order.id) as (browser, task), asyncio.timeout(20):
                await browser.has(1)
                counts += [stream.watching.count, gauge(figures.pool_in_use)]
                browser.leave()
                await task
            return [*counts, stream.watching.count, gauge(figures.pool_in_use)]

        assert run(scene()) == [1, 1, 0, 0]
        assert gauge(figures.pool_size) == stream.MOST
        assert settlement._settlement._waiting == {}

    def test_hears_nothing_wrong_when_the_database_goes(
        self, ask: Ask, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order, look, looks = shop.places(LAMP=1), selectors.get_order_from_loop, []

        async def fails_later(**asked: UUID) -> OrderView:
            looks.append(asked)
            if len(looks) > 1:
                raise OperationalError("away")
            return await look(**asked)

        monkeypatch.setattr(selectors, "get_order_from_loop", fails_later)

        async def scene() -> Browser:
            async with ask(order.id) as (browser, task), asyncio.timeout(20):
                await browser.has(1)
                await hears(shop, StockReserved(order_id=order.id))
                await task
            return browser  # type: ignore[no-any-return]

        browser = run(scene())

        assert len(looks) == 2
        assert (browser.told, browser.has_ended) == ([("1", "placed")], True)


class TestOfASettledOrder:
    def test_there_is_one_event(self, ask: Ask, shop: Shop) -> None:
        browser = run(whole(ask, confirmed(shop).id))

        assert (browser.told, browser.has_ended) == ([("2", "confirmed")], True)

    def test_nothing_more_comes_to_who_has_seen_it(self, ask: Ask, shop: Shop) -> None:
        browser = run(whole(ask, confirmed(shop).id, EVENTS, ("last-event-id", "2")))

        assert (browser.status, browser.body) == (204, b"")
        assert not {"content-length", "content-type"} & browser.headers.keys()

    def test_who_has_seen_another_version_is_told(self, ask: Ask, shop: Shop) -> None:
        browser = run(whole(ask, confirmed(shop).id, EVENTS, ("last-event-id", "1")))

        assert browser.told == [("2", "confirmed")]


class TestRefusals:
    def test_others_orders_are_absent(self, ask: Ask, shop: Shop, stranger: UUID) -> None:
        order = shop.places(LAMP=1)

        browsers = [run(whole(ask, order.id, customer_id=stranger)), run(whole(ask, uuid4()))]

        assert [each.status for each in browsers] == [404, 404]
        assert browsers[0].headers["content-type"] == "application/problem+json"

    def test_an_order_has_one_name(self, ask: Ask, shop: Shop) -> None:
        order = confirmed(shop)

        browsers = [run(whole(ask, name)) for name in (str(order.id).upper(), order.id.hex, "1")]

        assert [each.status for each in browsers] == [404] * 3

    @pytest.mark.parametrize("accepted", ["text/event-stream", "*/*"])
    def test_strangers_are_asked_who_they_are(self, lane: Lane, shop: Shop, accepted: str) -> None:
        order = shop.places(LAMP=1)

        async def scene() -> Browser:
            browser = Browser()
            asked = scope(f"/api/v1/orders/{order.id}/stream", headers=[("accept", accepted)])
            await lane(asked, browser.receive, browser.send)
            return browser

        browser = run(scene())

        assert browser.status == 401
        assert "www-authenticate" in browser.headers
        assert browser.headers["content-type"] == "application/problem+json"

    def test_there_is_a_bound(self, ask: Ask, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stream, "MOST", 1)
        order = shop.places(LAMP=1)

        async def scene() -> Browser:
            async with ask(order.id) as (first, _):
                await first.has(1)
                return await whole(ask, order.id)

        browser = run(scene())

        assert (browser.status, browser.headers["retry-after"]) == (503, "1")

    def test_who_asks_too_often_is_told_so(self, ordinary: Ordinary, bearer: Bearer, shop: Shop) -> None:
        async def door(_: Exchange) -> Reply | None:
            return Reply(status=429, body=b"too often")

        lane = Lane(routes=[stream.ROUTE], ordinary=ordinary, door=door)
        token = bearer(shop.customer_id)["HTTP_AUTHORIZATION"]
        tokens.verifier.claims(token.removeprefix("Bearer "))
        asked = scope(f"/api/v1/orders/{shop.places(LAMP=1).id}/stream", headers=[("authorization", token), EVENTS])
        browser = Browser()

        async def scene() -> None:
            await lane(asked, browser.receive, browser.send)

        run(scene())

        assert (browser.status, browser.body) == (429, b"too often")

    def test_the_bound_holds_for_those_who_come_at_once(
        self, ask: Ask, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream, "MOST", 3)
        order = confirmed(shop)

        async def scene() -> list[Browser]:
            return await asyncio.gather(*(whole(ask, order.id) for _ in range(8)))

        statuses = [browser.status for browser in run(scene())]

        assert sorted(statuses) == [200] * 3 + [503] * 5
        assert (stream.watching.count, stream.watching.coming) == (0, 0)

    @pytest.mark.parametrize("accepted", ["application/json", "text/event-streams"])
    def test_other_kinds_are_not_told(self, ask: Ask, shop: Shop, accepted: str) -> None:
        assert run(whole(ask, confirmed(shop).id, ("accept", accepted))).status == 406

    def test_who_cannot_hear_of_pieces_gets_the_event_there_is(
        self, ask: Ask, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream, "LONGEST", 600)

        browser = run(whole(ask, shop.places(LAMP=1).id, http_version="1.0"))

        assert (browser.told, browser.has_ended) == ([("1", "placed")], True)

    def test_unknown_parameters_are_named(self, ask: Ask, shop: Shop) -> None:
        browser = run(whole(ask, shop.places(LAMP=1).id, query="since=1"))

        assert browser.status == 400
        assert json.loads(browser.body)["errors"][0]["field"] == "since"


class TestTheOrdinaryWay:
    """Where no event loop is: a client that comes again and again hears the same."""

    def test_tells_how_it_is(self, bearer: Bearer, shop: Shop) -> None:
        order, customer = shop.places(LAMP=1), APIClient()
        customer.credentials(**bearer(shop.customer_id))

        answer = customer.get(f"/api/v1/orders/{order.id}/stream", headers={"Accept": "text/event-stream"})

        assert (answer.status_code, answer["Content-Type"]) == (200, "text/event-stream")
        assert answer.content == b"retry: 1000\n\n" + stream.event_of(order)

    def test_is_kept_by_nobody(self, bearer: Bearer, shop: Shop) -> None:
        """Whoever comes with a session in place of a token has nothing that would tell a cache so."""
        asked = APIRequestFactory().get("/", **bearer(shop.customer_id))

        answer = stream.OrderStream.as_view()(asked, order_id=shop.places(LAMP=1).id)

        assert answer["Cache-Control"] == "no-store"

    def test_does_not_tell_twice(self, bearer: Bearer, shop: Shop) -> None:
        order, customer = shop.places(LAMP=1), APIClient()
        customer.credentials(**bearer(shop.customer_id))

        answer = customer.get(f"/api/v1/orders/{order.id}/stream", headers={"Last-Event-ID": "1"})

        assert (answer.status_code, answer.content) == (200, b"retry: 1000\n\n")

    def test_says_that_nothing_more_comes(self, bearer: Bearer, shop: Shop) -> None:
        order, customer = confirmed(shop), APIClient()
        customer.credentials(**bearer(shop.customer_id))

        answer = customer.get(f"/api/v1/orders/{order.id}/stream", headers={"Last-Event-ID": "2"})

        assert answer.status_code == 204

    def test_is_a_page_in_a_browser(self, bearer: Bearer, shop: Shop) -> None:
        order, customer = shop.places(LAMP=1), APIClient()
        customer.credentials(**bearer(shop.customer_id))

        answer = customer.get(f"/api/v1/orders/{order.id}/stream", headers={"Accept": "text/html"})

        assert answer.status_code == 200
        assert str(order.number) in answer.content.decode()


def test_a_stream_is_counted_with_the_time_until_it_began(ask: Ask, shop: Shop) -> None:
    def counted() -> tuple[float, float]:
        tally().write()
        samples = [sample for metric in figures.requests.collect() for sample in metric.samples]
        count, seconds = (
            sum(sample.value for sample in samples if sample.name.endswith(end)) for end in ("_count", "_sum")
        )
        return count, seconds

    async def scene() -> float:
        began = time.perf_counter()
        async with ask(order.id) as (browser, task), asyncio.timeout(20):
            await browser.has(1)
            took = time.perf_counter() - began
            await hears(shop, StockReserved(order_id=order.id))
            await task
        return took

    order, before = shop.places(LAMP=1), counted()

    until_begun = run(scene())

    after = counted()
    assert after[0] - before[0] == 1
    assert 0 < after[1] - before[1] <= until_begun


def test_many_who_watch_share_a_look(ask: Ask, shop: Shop) -> None:
    order, other_order = shop.places(LAMP=1), shop.places(LAMP=1)

    async def scene() -> tuple[list[Browser], list[str]]:
        async with ask(order.id) as (one, first), ask(other_order.id) as (other, second), asyncio.timeout(20):
            await one.has(1)
            await other.has(1)
            threads = [each.name for each in threading.enumerate() if each.name == "settlement"]
            for each in (order, other_order):
                await hears(shop, StockReserved(order_id=each.id))
            await asyncio.gather(first, second)
        return [one, other], threads

    browsers, threads = run(scene())

    assert [browser.told[-1] for browser in browsers] == [("2", "confirmed")] * 2
    assert threads == ["settlement"]


def gauge(places: Gauge) -> float:
    """What figures say of the places of those who watch."""
    [metric] = places.collect()
    return next(sample.value for sample in metric.samples if sample.labels["pool"] == stream.POOL)


def confirmed(shop: Shop) -> OrderView:
    order = shop.places(LAMP=1)
    shop.hears(StockReserved(order_id=order.id))
    return order
