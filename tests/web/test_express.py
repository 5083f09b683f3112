"""The express lane by itself: what it takes, what it sends the ordinary way, and what it does with either."""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any

import pytest

from nexus.contracts.errors import Conflict
from nexus.telemetry.tallies import tally
from nexus.web.express import Exchange, Reply, Route
from nexus.web.express.lane import COUNTED, Busy, Lane, refusal
from nexus.web.express.ordinary import Ordinary, environ_of
from nexus.web.express.shared import ENTRY, Kept, Nearby
from tests.circles import circles
from tests.scopes import scope

Handle = Callable[[Exchange], Awaitable[Reply | None]]


class Client:
    """Asks a lane in this process."""

    def __init__(self, handle: Handle, **more: Any) -> None:
        self.seen: list[dict[str, Any]] = []
        room = more.pop("room", lambda: math.inf)
        paths = ("/fast", "/named/*")
        named = {
            "handle": handle,
            "early": more.pop("known", None),
            "room": room,
            "together": more.pop("together", None),
        }
        routes = [Route(method="GET", path=path, allow="GET", **named) for path in paths]
        routes += more.pop("also", ())
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
        tally().write()
        headers = {name.decode(): value.decode() for name, value in said[0]["headers"]}
        return said[0]["status"], headers, b"".join(message.get("body", b"") for message in said[1:])

    async def early(self, *parts: Any, **more: Any) -> tuple[int, dict[str, str], bytes] | None:
        """What the lane answers at once, if anything."""
        assert self.lane.answer_early
        answer = self.lane.answer_early(scope(*parts, **more))
        tally().write()
        if answer is None:
            return None
        status, lines, body = answer
        return status, dict(line.split(": ", 1) for line in lines.decode().splitlines()), body

    async def taken(self, *parts: Any, body: bytes = b"", **more: Any) -> Any:
        """What the lane says to whom it takes over: whether it does, and later an answer, or None."""
        heard: list[Any] = []
        assert self.lane.take_over
        request = scope(*parts, **more)
        if not self.lane.take_over(request, body, heard.append):
            assert heard == []
            return "not taken"
        while not heard:
            await asyncio.sleep(0)
        tally().write()
        if heard[0] is None:
            return request
        status, lines, said = heard[0]
        return status, dict(line.split(": ", 1) for line in lines.decode().splitlines()), said

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

    def test_takes_headers_that_are_long_together(self) -> None:
        client = Client(fast)

        client.ask(headers=[(f"x-{number}", "x" * 4000) for number in range(3)])

        assert client.seen == []

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

    def test_finds_a_name_before_the_last_part(self) -> None:
        client = Client(fast, also=[Route(method="GET", path="/named/*/told", allow="GET", handle=fast)])

        answers = [
            client.ask(path)[2] for path in ("/named/a/told", "/named/a/told/", "/named/told", "/named/a/b/told")
        ]

        assert answers == [b"fast a", b"fast a", b"fast told", b"ordinary "]

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


class TestNearby:
    def test_keeps_no_more_than_its_size_and_drops_what_was_not_asked_for(self) -> None:
        nearby = Nearby(size=10 + 2 * ENTRY)
        for key in (b"a", b"b"):
            nearby.keep(key, kept(b"12345"))
        nearby.find(b"a")

        nearby.keep(b"c", kept(b"123"))

        assert [bool(nearby.find(key)) for key in (b"a", b"b", b"c")] == [True, False, True]

    def test_keeps_one_answer_for_a_key(self) -> None:
        nearby = Nearby(size=10 + ENTRY)

        for _ in range(5):
            nearby.keep(b"a", kept(b"1234567890"))

        assert nearby.find(b"a")

    def test_has_nothing_too_large_for_it(self) -> None:
        nearby = Nearby(size=10 + ENTRY)
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


class TestPieces:
    """A body that does not end by itself."""

    @pytest.fixture
    def ends(self) -> list[str]:
        return []

    @pytest.fixture
    def pressures(self) -> list[float]:
        return [0.0]

    @pytest.fixture
    def lane(self, ends: list[str], pressures: list[float]) -> Lane:
        async def pieces(name: str) -> AsyncGenerator[bytes, None]:
            try:
                yield b"one "
                if name == "broken":
                    raise ValueError("no more")
                if name == "endless":
                    await asyncio.Event().wait()
                yield b"two"
            finally:
                ends.append(name)

        async def told(exchange: Exchange) -> Reply | None:
            if exchange.head.text(b"accept") != "text/event-stream":
                return None
            return Reply(status=200, body=b"zero ", content_type="text/event-stream", pieces=pieces(exchange.name))

        route = Route(
            method="GET", path="/told/*", allow="GET", handle=told, streams=True, pressure=lambda: pressures[-1]
        )
        return Lane(routes=[route], ordinary=Ordinary(ordinary))

    async def _read(
        self, lane: Lane, name: str, *, leaves: bool = False, accept: str = "text/event-stream"
    ) -> list[Any]:
        said: list[Any] = []
        asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Any:
            for message in asked:
                return message
            while not leaves or len(said) < 3:
                await asyncio.sleep(0)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            said.append(message)

        async with asyncio.timeout(20):
            await lane(scope(f"/told/{name}", headers=[("accept", accept)]), receive, send)
        return said

    def test_come_one_after_the_other(self, lane: Lane, ends: list[str]) -> None:
        start, *said = asyncio.run(self._read(lane, "whole"))

        assert [message["body"] for message in said] == [b"zero ", b"one ", b"two", b""]
        assert [message.get("more_body", False) for message in said] == [True, True, True, False]
        assert b"content-length" not in dict(start["headers"])
        assert ends == ["whole"]

    def test_are_closed_when_the_client_leaves(self, lane: Lane, ends: list[str]) -> None:
        said = asyncio.run(self._read(lane, "endless", leaves=True))

        assert [message["body"] for message in said[1:]] == [b"zero ", b"one "]
        assert ends == ["endless"]

    def test_that_break_off_do_not_look_whole(self, lane: Lane, ends: list[str]) -> None:
        with pytest.raises(ValueError, match="no more"):
            asyncio.run(self._read(lane, "broken"))

        assert ends == ["broken"]

    def test_are_for_whoever_accepts_them(self, lane: Lane, ends: list[str]) -> None:
        _, body = asyncio.run(self._read(lane, "whole", accept="application/json"))

        assert (body["body"], ends) == (b"ordinary", [])

    def test_are_for_nobody_under_pressure(self, lane: Lane, ends: list[str], pressures: list[float]) -> None:
        pressures.append(0.8)

        start, _ = asyncio.run(self._read(lane, "whole"))

        assert (start["status"], ends) == (503, [])

    def test_of_other_routes_are_sent_the_ordinary_way(self) -> None:
        client = Client(fast)

        assert client.ask(headers=[("accept", "text/event-stream")])[2] == b"ordinary "


def ordinary(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"ordinary"]
