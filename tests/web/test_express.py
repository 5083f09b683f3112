"""The express lane by itself: what it takes, what it sends the ordinary way, and what it does with either."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from nexus.contracts.errors import Conflict
from nexus.web.express import Exchange, Reply, Route
from nexus.web.express.lane import COUNTED, Busy, Lane, refusal
from nexus.web.express.ordinary import Ordinary, environ_of
from nexus.web.express.pipe import Pipe, RedisAway, Script
from nexus.web.express.shared import Kept, Nearby
from tests.circles import circles

Handle = Callable[[Exchange], Awaitable[Reply | None]]


def scope(path: str = "/fast", *, method: str = "GET", headers: Iterable[tuple[str, str]] = (), query: str = "") -> Any:
    listed = [(name.encode(), value.encode()) for name, value in headers]
    request = {"method": method, "path": path, "query_string": query.encode(), "headers": listed}
    return request | {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "client": ("10.0.0.1", 1),
        "server": None,
    }


class Client:
    """Asks a lane in this process."""

    def __init__(self, handle: Handle, **more: Any) -> None:
        self.seen: list[dict[str, Any]] = []
        room = more.pop("room", lambda: math.inf)
        paths = ("/fast", "/named/*")
        routes = [Route(method="GET", path=path, handle=handle, allow="GET", room=room) for path in paths]
        self.lane = Lane(routes=routes, ordinary=Ordinary(self._ordinary, **more.pop("size", {})), **more)

    def ask(self, *parts: Any, body: bytes = b"", **more: Any) -> tuple[int, dict[str, str], bytes]:
        return asyncio.run(self.asked(*parts, body=body, **more))

    async def asked(self, *parts: Any, body: bytes = b"", **more: Any) -> tuple[int, dict[str, str], bytes]:
        said: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            said.append(message)

        await self.lane(scope(*parts, **more), receive, send)
        headers = {name.decode(): value.decode() for name, value in said[0]["headers"]}
        return said[0]["status"], headers, b"".join(message.get("body", b"") for message in said[1:])

    def _ordinary(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        self.seen.append(environ)
        start("200 OK", [("Content-Type", "text/plain"), ("X-Length", environ.get("CONTENT_LENGTH", ""))])
        return [b"ordinary ", environ["wsgi.input"].read()]


async def fast(exchange: Exchange) -> Reply | None:
    return Reply(status=200, body=f"fast {exchange.name}".encode())


async def refusing(exchange: Exchange) -> Reply | None:
    await exchange.admit()
    raise Busy


async def declining(exchange: Exchange) -> Reply | None:
    await exchange.admit()
    return None


class TestLane:
    @pytest.mark.parametrize(("path", "answer"), [("/fast", b"fast "), ("/fast/", b"fast "), ("/named/x", b"fast x")])
    def test_answers_what_it_knows(self, path: str, answer: bytes) -> None:
        client = Client(fast)

        status, headers, body = client.ask(path)

        assert (status, body, client.seen) == (200, answer, [])
        assert headers["x-content-type-options"] == "nosniff"
        assert len(headers["x-request-id"]) == 32

    @pytest.mark.parametrize(
        "request_",
        [
            {"parts": ["/other"]},
            {"parts": ["/named/a/b"]},
            {"method": "HEAD"},
            {"headers": [("accept", "text/html,*/*")]},
            {"headers": [("accept", "application/xml")]},
            {"headers": [("x-long", "x" * 9000)]},
            {"headers": [("x-twice", "1"), ("x-twice", "2")]},
            {"headers": [(f"x-{number}", "1") for number in range(101)]},
            {"query": "x" * 9000},
        ],
        ids=lambda request: ", ".join(request) if isinstance(request, dict) else "",
    )
    def test_sends_what_is_not_plain_the_ordinary_way(self, request_: dict[str, Any]) -> None:
        client = Client(fast)

        _, _, body = client.ask(*request_.pop("parts", ["/fast"]), **request_)

        assert body == b"ordinary "
        assert len(client.seen) == 1

    def test_tells_whoever_comes_to_a_full_route_to_come_again(self) -> None:
        asked: list[Exchange] = []

        async def handle(exchange: Exchange) -> Reply | None:
            asked.append(exchange)
            return None

        client = Client(handle, room=lambda: 0)

        status, headers, body = client.ask("/fast", headers=[("x-request-id", "0123456789abcdef")])

        assert (status, headers["retry-after"], headers["content-type"]) == (503, "1", "application/problem+json")
        assert (json.loads(body)["code"], json.loads(body)["trace_id"]) == ("busy", "0123456789abcdef")
        assert (asked, client.seen) == ([], [])

    @pytest.mark.parametrize("headers", [[], [("authorization", "Bearer x"), ("x-request-id", "0123456789abcdef")]])
    def test_a_server_that_asks_first_is_told_the_same(self, headers: list[tuple[str, str]]) -> None:
        client = Client(fast, room=lambda: 0, headers=lambda _: [(b"x-more", b"1")])
        status, expected, body = client.ask("/fast", headers=headers)

        told = client.lane.turn_away(scope("/fast", headers=headers))

        assert told
        assert told[0] == status
        names = [(name.decode(), value.decode()) for name, value in told[1]]
        own = "x-request-id" if not headers else ""
        assert {**dict(names), own: ""} == {**expected, own: ""}
        assert {**json.loads(told[2]), "trace_id": ""} == {**json.loads(body), "trace_id": ""}
        assert json.loads(told[2])["trace_id"] == dict(names)["x-request-id"]

    def test_a_place_is_kept_from_the_moment_the_server_asked(self) -> None:
        """Requests that are read in one turn of the event loop begin in the next."""
        client = Client(fast, room=lambda: 2)

        async def scene() -> list[bool]:
            let_in = [client.lane.turn_away(scope("/fast")) is None for _ in range(3)]
            await asyncio.sleep(0)
            return [*let_in, client.lane.turn_away(scope("/fast")) is None]

        assert asyncio.run(scene()) == [True, True, False, True]

    def test_turns_nobody_away_whom_no_queue_is_for(self) -> None:
        client = Client(fast, room=lambda: 0)

        assert client.lane.turn_away(scope("/elsewhere")) is None

    def test_counts_no_request_twice(self) -> None:
        async def door(exchange: Exchange) -> Reply | None:
            exchange.verdict = "counted"
            return None

        client = Client(declining, door=door)

        client.ask()

        assert client.seen[0][COUNTED] == "counted"

    def test_lets_no_client_say_that_it_was_counted(self) -> None:
        client = Client(declining)

        client.ask(headers=[("nexus.verdict", "yes"), ("nexus-verdict", "yes")])

        assert COUNTED not in client.seen[0]

    def test_refuses_as_the_ordinary_way_would(self) -> None:
        async def refusing(exchange: Exchange) -> Reply | None:
            raise Conflict("Not now.")

        status, headers, body = Client(refusing).ask()

        assert status == 409
        assert headers["content-type"] == "application/problem+json"
        assert b'"detail":"Not now."' in body

    def test_says_nothing_of_a_failure_that_nobody_foresaw(self) -> None:
        async def failing(exchange: Exchange) -> Reply | None:
            raise ZeroDivisionError("the secret")

        status, _, body = Client(failing).ask()

        assert status == 500
        assert b"secret" not in body

    def test_refuses_at_once_when_too_many_wait(self) -> None:
        client = Client(declining, size={"threads": 1, "waiting": -1})

        status, headers, body = client.ask("/other")

        assert (status, headers["retry-after"], client.seen) == (503, "1", [])
        assert b'"code":"busy"' in body


class TestOrdinary:
    def test_hands_on_the_body_with_its_length(self) -> None:
        client = Client(fast)

        status, headers, body = client.ask("/other", method="POST", body=b"much")

        assert (status, headers["x-length"], body) == (200, "4", b"ordinary much")

    def test_gives_names_with_underscores_to_nobody(self) -> None:
        environ = environ_of(scope(headers=[("x_request_id", "forged"), ("x-request-id", "real")]), b"")

        assert environ["HTTP_X_REQUEST_ID"] == "real"

    def test_joins_cookies_as_cookies(self) -> None:
        environ = environ_of(scope(headers=[("cookie", "a=1"), ("cookie", "b=2")]), b"")

        assert environ["HTTP_COOKIE"] == "a=1; b=2"

    def test_sends_piece_by_piece_what_comes_in_pieces_and_closes_it(self) -> None:
        closed: list[bool] = []

        class Pieces:
            def __iter__(self) -> Any:
                return iter([b"a", b"b", b"c"])

            def close(self) -> None:
                closed.append(True)

        def application(environ: Any, start: Any) -> Any:
            start("200 OK", [])
            return Pieces()

        said: list[Any] = []

        async def keep(message: Any) -> None:
            said.append(message)

        asyncio.run(Ordinary(application).answer(scope(), b"", keep))

        assert [message.get("body") for message in said] == [None, b"a", b"b", b"c"]
        assert [message.get("more_body") for message in said[1:]] == [True, True, False]
        assert closed == [True]


class TestPipe:
    def test_answers_in_order_with_one_connection(self, redis_url: str) -> None:
        async def talk() -> list[Any]:
            pipe = Pipe(redis_url)
            return await asyncio.gather(*(pipe.ask(b"ECHO", b"%d" % number) for number in range(100)))

        assert asyncio.run(talk()) == [b"%d" % number for number in range(100)]

    def test_gives_an_error_to_whoever_asked_and_to_nobody_else(self, redis_url: str) -> None:
        async def talk() -> list[Any]:
            pipe = Pipe(redis_url)
            asked = [pipe.ask(b"NONSENSE"), pipe.ask(b"ECHO", b"fine")]
            return await asyncio.gather(*asked, return_exceptions=True)

        wrong, fine = asyncio.run(talk())

        assert isinstance(wrong, Exception)
        assert fine == b"fine"

    def test_shows_a_script_to_a_redis_that_does_not_know_it(self, redis_url: str) -> None:
        script = Script("return {KEYS[1], ARGV[1]}")

        async def talk() -> list[Any]:
            pipe = Pipe(redis_url)
            await pipe.ask(b"SCRIPT", b"FLUSH")
            return [await script(pipe, [b"key"], b"word") for _ in range(2)]

        assert asyncio.run(talk()) == [[b"key", b"word"]] * 2

    def test_asks_once_what_several_ask_together_and_again_when_it_was_sent(self, redis_url: str) -> None:
        async def talk() -> list[Any]:
            pipe = Pipe(redis_url)
            first = [pipe.ask_together(b"INCR", b"together") for _ in range(3)]
            await asyncio.gather(*first)
            second = pipe.ask_together(b"INCR", b"together")
            await pipe.ask(b"DEL", b"together")
            return [await each for each in (*first, second)]

        assert asyncio.run(talk()) == [1, 1, 1, 2]

    def test_lets_nobody_who_gives_up_take_the_answer_from_the_others(self, redis_url: str) -> None:
        async def talk() -> Any:
            pipe = Pipe(redis_url)

            async def wait() -> Any:
                return await pipe.ask_together(b"ECHO", b"here")

            impatient, patient = asyncio.ensure_future(wait()), asyncio.ensure_future(wait())
            await asyncio.sleep(0)
            impatient.cancel()
            return await patient

        assert asyncio.run(talk()) == b"here"

    def test_is_away_for_those_who_ask_together_and_back_for_those_after(self, redis_url: str) -> None:
        async def talk() -> tuple[list[Any], bool]:
            pipe = Pipe("redis://127.0.0.1:1/0")
            away = await asyncio.gather(*(pipe.ask_together(b"PING") for _ in range(2)), return_exceptions=True)
            pipe._url, pipe._resting_until = redis_url, 0.0
            return away, await pipe.ask_together(b"PING") is not None

        away, back = asyncio.run(talk())

        assert [type(each) for each in away] == [RedisAway] * 2
        assert back

    def test_is_away_at_once_where_nobody_listens_and_rests(self) -> None:
        async def talk() -> bool:
            pipe = Pipe("redis://127.0.0.1:1/0")
            for _ in range(2):
                with pytest.raises(RedisAway):
                    await pipe.ask(b"PING")
            return pipe.is_away

        assert asyncio.run(talk())

    def test_waits_for_no_answer_for_ever(self) -> None:
        async def talk() -> None:
            server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(RedisAway):
                await asyncio.wait_for(Pipe(f"redis://127.0.0.1:{port}/0").ask(b"PING"), 5)
            server.close()

        asyncio.run(talk())


@pytest.fixture
def redis_url(settings: Any) -> str:
    url: str = settings.REDIS_URL
    return url


class TestNearby:
    def test_keeps_no_more_than_its_size_and_drops_what_was_not_asked_for(self) -> None:
        nearby = Nearby(size=10)
        for key in (b"a", b"b"):
            nearby.keep(key, kept(b"12345"))
        nearby.find(b"a")

        nearby.keep(b"c", kept(b"123"))

        assert [bool(nearby.find(key)) for key in (b"a", b"b", b"c")] == [True, False, True]

    def test_keeps_one_answer_for_a_key(self) -> None:
        nearby = Nearby(size=10)

        for _ in range(5):
            nearby.keep(b"a", kept(b"1234567890"))

        assert nearby.find(b"a")

    def test_has_nothing_too_large_for_it(self) -> None:
        nearby = Nearby(size=10)
        nearby.keep(b"a", kept(b"12345"))

        nearby.keep(b"b", kept(b"12345678901"))

        assert [nearby.find(b"a"), nearby.find(b"b")] == [None, None]


class TestKept:
    def test_is_read_as_it_was_written(self) -> None:
        assert Kept.read(kept(b"a\nb").write()) == kept(b"a\nb")

    @pytest.mark.parametrize(
        "stored", [b"", b"{}", b"g p 0.0 tag more\nbody", b"g p noon tag\nbody", b"g p 0.0 \xff\nbody"]
    )
    def test_of_another_version_counts_as_not_there(self, stored: bytes) -> None:
        assert Kept.read(stored) is None


def kept(body: bytes) -> Kept:
    return Kept(generation=b"g", pace=b"p", made_at=0.0, tag="", body=body)


@pytest.mark.parametrize("handle", [fast, refusing])
def test_a_request_leaves_nothing_to_the_garbage_collector(handle: Handle) -> None:
    """It looks at all that there is: the more often, the more is left to it."""
    client = Client(handle)

    async def run() -> list[Any]:
        await client.asked()
        with circles() as left:
            for _ in range(10):
                await client.asked()
        return left

    assert asyncio.run(run()) == []


def test_a_refusal_names_the_request() -> None:
    exchange = Exchange(scope(headers=[("x-request-id", "abcdefgh-1")]), name="", body=b"")

    assert b'"trace_id":"abcdefgh-1"' in refusal(Conflict(), exchange).body
