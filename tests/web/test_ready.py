"""Answers that are given again as they are, and those that are not."""

import asyncio
import json
import math
import time
from typing import Any

import pytest

from nexus.telemetry import figures
from nexus.telemetry.tallies import tally
from nexus.web.express import Exchange, Reply, ready
from nexus.web.express.exchange import Tagged
from nexus.web.express.head import Head
from nexus.web.express.ready import Asked, Ready, ReadyAnswers, Standing, asked_by
from nexus.web.logs import Journal
from nexus.web.server import MEMORY, TURN
from tests.circles import circles
from tests.scopes import scope
from tests.telemetry.counting import Counting
from tests.web.test_express import Client

QUESTION = (b"GET", b"a")
ASKED: Asked = ("http", b"localhost", "/a", b"")
STATE = Tagged('"one"', b'{"a":1}')


class Redis:
    """What is known of it."""

    def __init__(self) -> None:
        self.answer: Any = [b"1"]
        self.turns: list[Any] = []

    def find(self, question: Any, *, turn: Any = None) -> Any:
        assert question == QUESTION
        self.turns.append(turn)
        return self.answer


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Redis:
    here = Redis()
    monkeypatch.setattr(ready, "known", lambda: here)
    return here


def made(body: bytes = b"x", *, answer: Any = None, until: float = math.inf) -> Ready:
    standing = Standing(Reply(status=200, body=body), QUESTION, answer, until)
    return Ready(standing, b"", figures.requests.labels("GET", "/a", "200"), "")


class TestReadyAnswers:
    def test_stand_while_redis_says_the_same(self, redis: Redis) -> None:
        answers, one = ReadyAnswers(), made(answer=redis.answer)
        answers.keep(ASKED, one)

        assert answers.find(ASKED, None) is one
        redis.answer = [b"1"]
        assert answers.find(ASKED, None) is None, "equal is not the same: it may have changed and changed back"
        redis.answer = None
        assert answers.find(ASKED, None) is None

    def test_stand_no_longer_than_they_may(self, redis: Redis) -> None:
        answers = ReadyAnswers()
        answers.keep(ASKED, made(answer=redis.answer, until=time.time() - 0.001))

        assert answers.find(ASKED, None) is None

    def test_are_not_kept_where_nothing_is_known(self, redis: Redis) -> None:
        answers = ReadyAnswers()
        redis.answer = None
        answers.keep(ASKED, made(answer=None))

        assert answers.find(ASKED, None) is None

    def test_are_those_of_who_asks_exactly_this(self, redis: Redis) -> None:
        answers = ReadyAnswers()
        answers.keep(ASKED, made(answer=redis.answer))

        for other in (("https", *ASKED[1:]), ("http", b"b", "/a", b""), ("http", b"localhost", "/b", b"")):
            assert answers.find(other, None) is None
        assert answers.find((*ASKED[:3], b"a=1"), None) is None

    def test_are_forgotten_when_there_are_too_many(self, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ready, "MOST", 3)
        answers = ReadyAnswers()
        for number in range(10):
            answers.keep(("http", b"localhost", f"/{number}", b""), made(answer=redis.answer))

            assert len(answers._kept) <= 3
        assert answers.find(("http", b"localhost", "/9", b""), None)

    def test_are_forgotten_when_they_are_too_large(self, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ready, "LARGEST", 100)
        answers = ReadyAnswers()
        for number in range(10):
            answers.keep(("http", b"localhost", f"/{number}", b""), made(b"x" * 40, answer=redis.answer))

            assert sum(len(each.standing.reply.body) for each in answers._kept.values()) <= 100

    def test_that_take_the_place_of_others_need_no_more_room(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ready, "LARGEST", 100)
        answers = ReadyAnswers()
        answers.keep(ASKED, made(b"x" * 40, answer=redis.answer))
        for _ in range(10):
            answers.keep(("http", b"localhost", "/b", b""), made(b"x" * 40, answer=redis.answer))

        assert answers.find(ASKED, None)

    @pytest.mark.parametrize("place", [1, 2, 3])
    def test_remember_nothing_long_of_who_asks(self, redis: Redis, place: int) -> None:
        asked: list[Any] = list(ASKED)
        asked[place] = "/" + "x" * 300 if place == 2 else b"x" * 300
        answers = ReadyAnswers()

        answers.keep(tuple(asked), made(answer=redis.answer))  # type: ignore[arg-type]

        assert answers._kept == {}


@pytest.mark.parametrize(
    ("headers", "method"),
    [
        ([("authorization", "Bearer x")], "GET"),
        ([("cookie", "a=b")], "GET"),
        ([("if-none-match", '"one"')], "GET"),
        ([("x-request-deadline", "99999999999")], "GET"),
        ([("accept", "text/html")], "GET"),
        ([("x-twice", "1"), ("x-twice", "2")], "GET"),
        ([], "HEAD"),
    ],
    ids=str,
)
def test_who_is_somebody_or_wants_something_else_is_not_who_asks_the_same(headers: Any, method: str) -> None:
    asked = scope("/a", method=method, headers=[("host", "localhost"), *headers])

    assert asked_by(asked, Head(asked["headers"])) is None
    assert asked_by(scope("/a"), Head([])) is None, "nobody can tell whom it asks"


class TestGivenAgain:
    HEADERS = (("host", "localhost"), ("accept", "application/json"))

    def client(self, redis: Redis, **more: Any) -> tuple[Client, list[str]]:
        made: list[str] = []

        def known(exchange: Exchange) -> Standing | None:
            made.append(exchange.path)
            if not exchange.admit_early():
                return None
            return Standing(STATE.for_(exchange), QUESTION, redis.answer, math.inf, more_given)

        more_given = more.pop("given", None)

        async def slowly(exchange: Exchange) -> Reply | None:
            return STATE.for_(exchange)

        return Client(slowly, known=known, **more), made

    def test_it_is_what_is_answered_later_and_the_app_is_asked_once(self, redis: Redis) -> None:
        told = b"ratelimit-policy: p\r\nratelimit: r\r\n"
        client, made = self.client(redis, ready_door=lambda *_: told, lines=lambda _: told)
        headers = [*self.HEADERS, ("x-request-id", "0123456789abcdef")]

        answers = [asyncio.run(client.early("/fast", headers=headers)) for _ in range(3)]

        assert answers == [client.ask("/fast", headers=headers)] * 3
        assert made == ["/fast"]

    def test_each_has_an_identity_of_its_own(self, redis: Redis) -> None:
        client, _ = self.client(redis)

        answers = [asyncio.run(client.early("/fast", headers=self.HEADERS)) for _ in range(5)]

        assert len({answer[1]["x-request-id"] for answer in answers if answer}) == 5

    def test_the_app_is_asked_again_when_redis_says_something_else(self, redis: Redis) -> None:
        client, made = self.client(redis)
        asyncio.run(client.early("/fast", headers=self.HEADERS))
        redis.answer = [b"2"]

        asyncio.run(client.early("/fast", headers=self.HEADERS))

        assert made == ["/fast"] * 2

    def test_whoever_has_a_token_or_the_state_is_answered_anew(self, redis: Redis) -> None:
        client, made = self.client(redis)
        asyncio.run(client.early("/fast", headers=self.HEADERS))

        with_token = asyncio.run(client.early("/fast", headers=[*self.HEADERS, ("authorization", "Bearer x")]))
        with_state = asyncio.run(client.early("/fast", headers=[*self.HEADERS, ("if-none-match", '"one"')]))

        assert with_token
        assert with_token[1]["cache-control"] == "no-store"
        assert with_state
        assert with_state[0] == 304
        assert len(made) == 3

    def test_whom_the_door_would_have_to_ask_about_is_not_answered(self, redis: Redis) -> None:
        client, made = self.client(redis, ready_door=lambda *_: None)
        for _ in range(2):
            asyncio.run(client.early("/fast", headers=self.HEADERS))

        assert made == ["/fast"] * 2

    def test_the_door_hears_the_kind_that_it_has_given(self, redis: Redis) -> None:
        heard: list[Any] = []

        def early_door(exchange: Exchange) -> bool:
            exchange.kind = "dear"
            return True

        def ready_door(head: Head, kind: str) -> bytes:
            heard.append((head.host, kind))
            return b""

        client, _ = self.client(redis, early_door=early_door, ready_door=ready_door)
        for _ in range(2):
            asyncio.run(client.early("/fast", headers=self.HEADERS))

        assert heard == [(b"localhost", "dear")]

    def test_redis_is_looked_at_in_the_turn_of_the_request(self, redis: Redis) -> None:
        client, _ = self.client(redis)
        asyncio.run(client.early("/fast", headers=self.HEADERS))

        async def later() -> Any:
            assert client.lane.answer_early
            answer = client.lane.answer_early(scope("/fast", headers=self.HEADERS) | {TURN: "this one", MEMORY: {}})
            tally().write()
            return answer

        assert asyncio.run(later())
        assert redis.turns == ["this one"]

    def test_it_is_counted_each_time(self, redis: Redis) -> None:
        client, _ = self.client(redis, given=figures.kept_answers.labels("tests", "nearby"))
        given = Counting("nexus_kept_answers_total", about="tests", source="nearby")
        route = {"http_request_method": "GET", "http_route": "other", "http_response_status_code": "200"}
        answered = Counting("http_server_request_duration_seconds_count", **route)

        for _ in range(4):
            asyncio.run(client.early("/fast", headers=self.HEADERS))

        assert (given.rise, answered.rise) == (4, 4)

    def test_it_is_written_down_each_time(self, redis: Redis) -> None:
        written: list[bytes] = []
        journal = Journal(written.append)
        client, _ = self.client(redis, journal=journal)

        for number in range(3):
            headers = [*self.HEADERS, ("x-request-id", f"0123456789abcde{number}")]
            asyncio.run(client.early("/fast", headers=headers))
            journal.flush()

        lines = [json.loads(each) for each in written]
        assert [each["labels.correlation_id"] for each in lines] == [f"0123456789abcde{number}" for number in range(3)]
        assert {each["http.response.status_code"] for each in lines} == {200}

    def test_it_leaves_nothing_to_the_garbage_collector(self, redis: Redis) -> None:
        client, _ = self.client(redis)

        async def run() -> list[Any]:
            await client.early("/fast", headers=self.HEADERS)
            with circles() as left:
                for _ in range(10):
                    await client.early("/fast", headers=self.HEADERS)
            return left

        assert asyncio.run(run()) == []
