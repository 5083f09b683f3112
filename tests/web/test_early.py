"""What the lane answers as soon as a server has read the head: the same as it would later, to the letter."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from nexus.contracts.errors import Conflict, FieldError
from nexus.telemetry import tracing
from nexus.web.express import Exchange, Reply
from nexus.web.express.exchange import Tagged
from nexus.web.express.head import Head, head_of
from nexus.web.express.ready import Standing
from nexus.web.logs import Journal
from nexus.web.server import MEMORY
from tests.circles import circles
from tests.scopes import scope
from tests.web.test_express import Client, fast

STATE = Tagged('"one"', b'{"a":1}')
TOKEN = ("authorization", "Bearer x")


async def slowly(exchange: Exchange) -> Reply | None:
    return await exchange.admit() or STATE.for_(exchange)


def known(exchange: Exchange) -> Standing | None:
    return Standing(STATE.for_(exchange), (), None, 0.0) if exchange.admit_early() else None


class TestWhatIsKnown:
    @pytest.mark.parametrize(
        "headers", [[], [("if-none-match", '"one"')], [TOKEN], [TOKEN, ("if-none-match", "*")], [("cookie", "a=b")]]
    )
    @pytest.mark.parametrize("path", ["/fast", "/fast/", "/named/x"])
    def test_is_answered_as_it_would_be_later(self, path: str, headers: list[tuple[str, str]]) -> None:
        client = Client(slowly, known=known, lines=lambda _: b"x-more: 1\r\n")
        headers = [*headers, ("x-request-id", "0123456789abcdef")]

        for _ in range(2):
            early = asyncio.run(client.early(path, headers=headers))

            assert early == client.ask(path, headers=headers)
        assert client.seen == []

    def test_is_told_to_each_in_turn(self) -> None:
        """What was put together for one is not given to another whom it does not fit."""
        client = Client(slowly, known=known)

        async def scene() -> list[Any]:
            asked = [[TOKEN], [], [("if-none-match", '"one"')], [TOKEN], []]
            return [await client.early("/fast", headers=headers) for headers in asked]

        answers = asyncio.run(scene())

        assert [status for status, _, _ in answers] == [200, 200, 304, 200, 200]
        assert [headers.get("cache-control") for _, headers, _ in answers] == ["no-store", None, None, "no-store", None]
        assert len({headers["x-request-id"] for _, headers, _ in answers}) == 5

    @pytest.mark.parametrize(
        "request_",
        [
            {"headers": [("accept", "text/html")]},
            {"headers": [("x-twice", "1"), ("x-twice", "2")]},
            {"headers": [("x-request-deadline", "99999999999")]},
            {"method": "HEAD"},
            {"method": "POST"},
            {"query": "x" * 9000},
        ],
        ids=str,
    )
    def test_is_for_plain_requests_only(self, request_: dict[str, Any]) -> None:
        assert asyncio.run(Client(slowly, known=known).early("/fast", **request_)) is None

    def test_is_left_alone_where_the_door_would_have_to_ask(self) -> None:
        assert asyncio.run(Client(slowly, known=known, early_door=lambda _: False).early("/fast")) is None

    def test_is_left_alone_while_requests_are_traced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tracing, "is_on", lambda: True)

        assert asyncio.run(Client(slowly, known=known).early("/fast")) is None

    def test_is_written_down(self) -> None:
        written: list[bytes] = []
        journal = Journal(written.append)
        client = Client(slowly, known=known, journal=journal)

        asyncio.run(client.early("/fast", headers=[("x-request-id", "0123456789abcdef")]))
        journal.flush()

        [line] = written
        assert json.loads(line)["labels.correlation_id"] == "0123456789abcdef"
        assert json.loads(line)["http.response.status_code"] == 200

    def test_lets_no_header_end_its_line(self) -> None:
        def broken(exchange: Exchange) -> Standing:
            reply = Reply(status=200, body=b"", headers=[("X-Name", "a\r\nX-Other: b")])
            return Standing(reply, (), None, 0.0)

        with pytest.raises(ValueError, match="end its line"):
            asyncio.run(Client(slowly, known=broken).early("/fast"))

    def test_leaves_nothing_to_the_garbage_collector(self) -> None:
        client = Client(slowly, known=known)

        async def run() -> list[Any]:
            await client.early("/fast")
            with circles() as left:
                for _ in range(10):
                    await client.early("/fast")
            return left

        assert asyncio.run(run()) == []


class TestAFullQueue:
    @pytest.mark.parametrize("headers", [[], [TOKEN, ("x-request-id", "0123456789abcdef")]])
    def test_refuses_as_it_would_later(self, headers: list[tuple[str, str]]) -> None:
        client = Client(fast, room=lambda: 0, lines=lambda _: b"x-more: 1\r\n")
        status, expected, body = client.ask("/fast", headers=headers)

        early = asyncio.run(client.early("/fast", headers=headers))

        assert early
        assert early[0] == status == 503
        own = "x-request-id" if not headers else ""
        assert {**early[1], own: ""} == {**expected, own: ""}
        assert {**json.loads(early[2]), "trace_id": ""} == {**json.loads(body), "trace_id": ""}
        assert json.loads(early[2])["trace_id"] == early[1]["x-request-id"]

    def test_keeps_a_place_from_the_moment_the_server_asked(self) -> None:
        """Requests that are read in one turn of the event loop begin in the next."""
        client = Client(fast, room=lambda: 2)

        async def scene() -> list[bool]:
            let_in = [await client.early("/fast") is None for _ in range(3)]
            await asyncio.sleep(0)
            return [*let_in, await client.early("/fast") is None]

        assert asyncio.run(scene()) == [True, True, False, True]

    def test_is_nobody_elses(self) -> None:
        assert asyncio.run(Client(fast, room=lambda: 0).early("/elsewhere")) is None


class Sold(Conflict):
    """It is sold."""


async def refusing(exchange: Exchange) -> Reply | None:
    if refused := await exchange.admit():
        return refused
    raise Sold("Somebody has it.", errors=[FieldError(field="a", code="sold", message="Sold.")])


def later(found: Any) -> Any:
    """Takes everything over, and finds this in the next turn of the event loop."""

    def together(exchange: Exchange, answer: Any) -> bool:
        asyncio.get_running_loop().call_soon(answer, found)
        return True

    return together


class TestWhatIsTakenOver:
    @pytest.mark.parametrize("headers", [[], [TOKEN], [("cookie", "a=b")], [TOKEN, ("x-request-id", "x" * 20)]])
    def test_is_answered_as_it_would_be_otherwise(self, headers: list[tuple[str, str]]) -> None:
        why = Sold("Somebody has it.", errors=[FieldError(field="a", code="sold", message="Sold.")])
        client = Client(refusing, together=later(why), lines=lambda _: b"x-more: 1\r\n")
        own = {} if ("x-request-id", "x" * 20) in headers else {"x-request-id": ""}
        status, expected, body = client.ask("/fast", headers=headers)

        for _ in range(2):
            taken = asyncio.run(client.taken("/fast", headers=headers))

            assert (taken[0], {**taken[1], **own}) == (status, {**expected, **own})
            assert {**json.loads(taken[2]), "trace_id": ""} == {**json.loads(body), "trace_id": ""}
            assert json.loads(taken[2])["trace_id"] == taken[1]["x-request-id"]

    @pytest.mark.parametrize("status", [200, 429])
    def test_may_be_answered_with_any_reply(self, status: int) -> None:
        reply = Reply(status=status, body=b"x", headers=[("Retry-After", "7")])

        async def handle(_: Exchange) -> Reply:
            return reply

        client = Client(handle, together=later(reply))
        expected = client.ask("/fast", headers=[("x-request-id", "0123456789abcdef")])

        assert asyncio.run(client.taken("/fast", headers=[("x-request-id", "0123456789abcdef")])) == expected

    def test_is_counted_once_when_it_is_handled_after_all(self) -> None:
        counted: list[str] = []

        async def common(exchanges: Sequence[Exchange]) -> Sequence[Reply | None]:
            for exchange in exchanges:
                counted.append(exchange.path)
                exchange.verdict = "counted"
            return [None] * len(exchanges)

        async def door(exchange: Exchange) -> Reply | None:
            return (await common([exchange]))[0]

        def together(exchange: Exchange, answer: Any) -> bool:
            async def decide() -> None:
                await Exchange.admit_all([exchange])
                answer(None)

            deciding.append(asyncio.get_running_loop().create_task(decide()))
            return True

        deciding: list[Any] = []
        client = Client(slowly, together=together, door=door, common_door=common)

        async def scene() -> list[Any]:
            request, said = await client.taken("/fast"), []

            async def send(message: Any) -> None:
                said.append(message)

            await client.lane(request, None, send)
            return said

        assert asyncio.run(scene())[1]["body"] == b'{"a":1}'
        assert counted == ["/fast"]

    @pytest.mark.parametrize(
        "request_",
        [
            {"headers": [("accept", "text/html")]},
            {"headers": [("x-twice", "1"), ("x-twice", "2")]},
            {"headers": [("x-request-deadline", "99999999999")]},
            {"method": "PUT"},
            {"query": "x" * 9000},
            {"body": b"x" * 5000},
        ],
        ids=lambda request_: next(iter(request_)),
    )
    def test_is_plain(self, request_: dict[str, Any]) -> None:
        assert asyncio.run(Client(slowly, together=later(None)).taken("/fast", **request_)) == "not taken"

    def test_is_not_traced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tracing, "is_on", lambda: True)

        assert asyncio.run(Client(slowly, together=later(None)).taken("/fast")) == "not taken"

    def test_is_what_the_route_wants(self) -> None:
        assert asyncio.run(Client(slowly).taken("/fast")) == "not taken"
        assert asyncio.run(Client(slowly, together=lambda *_: False).taken("/fast")) == "not taken"

    def test_is_under_way_until_it_is_answered(self) -> None:
        owed: list[Any] = []
        client = Client(slowly, together=lambda _, answer: owed.append(answer) or True)
        under_way = client.lane._pools._under_way
        assert client.lane.take_over
        client.lane.take_over(scope("/fast"), b"", lambda _: None)
        before = under_way()

        owed[0](None)

        assert (before, under_way()) == (1, 0)

    def test_is_handled_as_any_other_where_it_cannot_be_answered_like_the_others(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken = Reply(status=200, body=b"", headers=[("X-Name", "a\r\nX-Other: b")])

        answer = asyncio.run(Client(slowly, together=later(broken)).taken("/fast"))

        assert answer["nexus.exchange"].path == "/fast"
        assert "cannot be answered" in caplog.text

    def test_is_written_down(self) -> None:
        written: list[bytes] = []
        journal = Journal(written.append)
        client = Client(slowly, together=later(Sold()), journal=journal)

        asyncio.run(client.taken("/fast", headers=[("x-request-id", "0123456789abcdef")]))
        journal.flush()

        [line] = written
        assert json.loads(line)["labels.correlation_id"] == "0123456789abcdef"
        assert json.loads(line)["http.response.status_code"] == 409

    @pytest.mark.parametrize("found", [Sold(), None], ids=["refused", "handled"])
    def test_leaves_nothing_to_the_garbage_collector(self, found: Any) -> None:
        client = Client(slowly, together=later(found))

        async def send(_: Any) -> None:
            """To nobody."""

        async def once() -> None:
            answer = await client.taken("/fast")
            if isinstance(answer, dict):
                await client.lane(answer, None, send)

        async def run() -> list[Any]:
            await once()
            with circles() as left:
                for _ in range(10):
                    await once()
            return left

        assert asyncio.run(run()) == []


class TestHead:
    def test_is_read_once_while_it_is_repeated(self) -> None:
        memory: dict[str, Any] = {}
        asked = [scope(headers=headers) | {MEMORY: memory} for headers in ([("a", "1")], [("a", "1")], [("a", "2")])]

        first, again, other = map(head_of, asked)

        assert first is again
        assert (first.headers, other.headers) == ({"a": "1"}, {"a": "2"})

    def test_is_read_each_time_where_nothing_can_be_remembered(self) -> None:
        assert head_of(scope()) is not head_of(scope())

    @pytest.mark.parametrize(
        ("headers", "plain"),
        [
            ([], True),
            ([(b"accept", b"application/json")], True),
            ([(b"accept", b"text/html, */*")], False),
            ([(b"accept", b"image/png")], False),
            ([(b"a", b"x" * 8193)], False),
            ([(b"a", b"1"), (b"a", b"1")], False),
            ([(b"a%d" % number, b"") for number in range(101)], False),
        ],
    )
    def test_says_whether_it_is_plain(self, headers: list[tuple[bytes, bytes]], plain: bool) -> None:
        assert Head(headers).is_plain == plain

    @pytest.mark.parametrize("name", [b"authorization", b"cookie"])
    def test_is_anonymous_where_nothing_says_who_asks(self, name: bytes) -> None:
        assert Head([(b"accept", b"*/*")]).is_anonymous
        assert not Head([(name, b"x")]).is_anonymous

    @pytest.mark.parametrize(("given", "kept"), [("abcdefgh-1", "abcdefgh-1"), ("a\nb", ""), ("", "")])
    def test_takes_no_name_that_could_be_more_than_one(self, given: str, kept: str) -> None:
        assert Head([(b"x-request-id", given.encode())]).given_id == kept
