"""What is known of Redis without asking: never older than what anybody was told who changed it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from django_redis import get_redis_connection
from hiredis import ReplyError

from nexus.web.express.known import TRUST, UNTOLD, Known
from nexus.web.express.pipe import Pipe, RedisAway
from nexus.web.server.turns import Turn
from tests.faultproxy import FaultProxy, Toxic, fault_proxy

QUESTION = (b"GET", b"watched:a")
BOTH = (b"MGET", b"watched:a", b"watched:b")


class Here:
    """One process's memory and pipe, at a server; and another client of it that waits for each answer."""

    def __init__(self, url: str) -> None:
        self.known, self.pipe, self.other = Known(url, b"watched:"), Pipe(url), get_redis_connection("default")

    async def until(self, look: Callable[[], Any]) -> Any:
        async with asyncio.timeout(10):
            while not (found := look()):
                await asyncio.sleep(0.005)
            return found

    async def learn(self, question: tuple[bytes, ...] = QUESTION) -> Any:
        """Ask until it is known."""

        async def ask() -> Any:
            self.known.find(question)
            with suppress(RedisAway):
                await self.known.ask_through(self.pipe, question, about=question[1:])
            await asyncio.sleep(0)
            return self.known.find(question)

        async with asyncio.timeout(10):
            while (found := await ask()) is None:
                await asyncio.sleep(0.005)
            return found


@pytest.fixture
def url(settings: Any, clean_redis: object) -> str:
    found: str = settings.REDIS_URL
    return found


class TestKnown:
    def test_is_what_was_answered(self, url: str) -> None:
        async def scene() -> tuple[Any, Any]:
            here = Here(url)
            here.other.set("watched:a", "1")
            return here.known.find(QUESTION), await here.learn()

        assert asyncio.run(scene()) == (None, b"1")

    @pytest.mark.parametrize(
        "change",
        [
            lambda other: other.set("watched:b", "2"),
            lambda other: other.delete("watched:a"),
            lambda other: other.pexpire("watched:a", 60_000),
            lambda other: other.eval("redis.call('SET', KEYS[1], '3')", 1, "watched:a"),
            lambda other: other.flushdb(),
            lambda other: other.flushall(),
        ],
        ids=["set", "delete", "expire", "script", "flushdb", "flushall"],
    )
    def test_is_not_known_any_more_from_the_moment_of_a_change(self, url: str, change: Callable[[Any], Any]) -> None:
        async def scene() -> tuple[Any, Any, Any]:
            here = Here(url)
            here.other.mset({"watched:a": "1", "watched:b": "1"})
            before = await here.learn(BOTH)
            # The loop does not turn between the change and the question.
            change(here.other)
            at_once = here.known.find(BOTH)
            await here.until(lambda: not here.known._answers)
            return before, at_once, await here.learn(BOTH)

        before, at_once, after = asyncio.run(scene())

        assert before == [b"1", b"1"]
        assert at_once is None
        assert after != before or change.__code__.co_names[-1:] == ("pexpire",)

    def test_is_known_while_others_change(self, url: str) -> None:
        async def scene() -> Any:
            here = Here(url)
            here.other.set("watched:a", "1")
            await here.learn()
            here.other.set("elsewhere:a", "2")
            return await here.until(lambda: here.known.find(QUESTION))

        assert asyncio.run(scene()) == b"1"

    def test_whoever_changed_something_is_never_told_the_old(self, url: str) -> None:
        async def scene() -> list[Any]:
            here, seen = Here(url), []
            for number in range(300):
                here.other.set("watched:a", number)
                if (found := here.known.find(QUESTION)) not in (None, b"%d" % number):
                    seen.append((number, found))
                if number % 3 == 0:
                    await here.learn()
            return seen

        assert asyncio.run(scene()) == []

    def test_nothing_is_known_while_something_is_expected(self, url: str) -> None:
        """Who is to be answered anyway keeps the place in Redis's line: others may hear of their changes before."""

        async def scene() -> tuple[Any, Any]:
            here = Here(url)
            here.other.set("watched:a", "1")
            await here.learn()
            await here.until(lambda: here.known.find(QUESTION))
            here.known.ask(b"PING")
            return here.known.find(QUESTION), await here.until(lambda: here.known.find(QUESTION))

        assert asyncio.run(scene()) == (None, b"1")

    def test_nothing_is_known_while_half_of_something_has_come(self, url: str) -> None:
        async def scene() -> Any:
            here = Here(url)
            here.other.set("watched:a", "1")
            await here.learn()
            await here.until(lambda: here.known.find(QUESTION))
            here.known._reader.feed(b">2\r\n$10\r\ninval")
            return here.known.find(QUESTION)

        assert asyncio.run(scene()) is None

    def test_an_answer_from_before_a_change_is_not_kept(self, url: str) -> None:
        class Slow(Pipe):
            def ask_together(self, *words: bytes) -> Any:
                return answer

        async def scene() -> Any:
            nonlocal answer
            answer = asyncio.get_running_loop().create_future()
            here = Here(url)
            here.other.set("watched:a", "old")
            await here.learn(BOTH)
            here.known.ask_through(Slow(url), QUESTION, about=QUESTION[1:])
            for _ in range(50):
                await asyncio.sleep(0)
                assert here.known.find(QUESTION) is None, "it is under way"
            assert QUESTION in here.known._answers
            here.other.set("watched:a", "new")
            await here.until(lambda: QUESTION not in here.known._answers)
            answer.set_result(b"old")
            await asyncio.sleep(0)
            return here.known.find(QUESTION)

        answer: Any = None
        assert asyncio.run(scene()) is None

    def test_an_answer_from_before_redis_was_asked_to_tell_is_not_kept(self, url: str) -> None:
        async def scene() -> Any:
            here = Here(url)
            here.other.set("watched:a", "old")
            await here.known.ask_through(here.pipe, QUESTION, about=QUESTION[1:])
            here.other.set("watched:a", "new")
            await here.learn(BOTH)
            return here.known.find(QUESTION)

        assert asyncio.run(scene()) is None

    def test_what_could_not_be_answered_is_asked_again(self, url: str) -> None:
        async def scene() -> Any:
            here = Here(url)
            here.other.set("watched:a", "1")
            await here.learn(BOTH)
            nowhere = Pipe("redis://127.0.0.1:1/0")
            with pytest.raises(RedisAway):
                await here.known.ask_through(nowhere, QUESTION, about=QUESTION[1:])
            return await here.learn()

        assert asyncio.run(scene()) == b"1"

    def test_holds_no_more_than_so_many(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("nexus.web.express.known.MOST", 10)

        async def scene() -> tuple[int, int, Any]:
            here = Here(url)
            for number in range(30):
                await here.learn((b"MGET", b"watched:%d" % number))
            return len(here.known._answers), len(here.known._about), here.known.find((b"MGET", b"watched:29"))

        assert asyncio.run(scene()) == (10, 10, [None])


class TestARedisThat:
    def test_is_cut_off_is_believed_for_a_moment_only(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """However long it may take for an answer."""
        monkeypatch.setattr("nexus.web.express.pipe.PATIENCE", 60.0)

        async def scene(proxied: str, proxy: FaultProxy) -> Any:
            here = Here(proxied)
            here.other.set("watched:a", "old")
            await here.learn()
            proxy.inflict(Toxic(silent=True))
            here.other.set("watched:a", "new")
            await here.until(lambda: here.known.find(QUESTION) is None)
            await asyncio.sleep(TRUST)
            return here.known.find(QUESTION)

        with proxied_redis(url) as (proxied, proxy):
            assert asyncio.run(scene(proxied, proxy)) is None

    def test_hangs_up_is_not_believed_and_asked_again(self, url: str) -> None:
        async def scene() -> tuple[Any, Any, Any]:
            here = Here(url)
            here.other.set("watched:a", "1")
            await here.learn()
            here.other.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await here.until(lambda: not here.known._answers)
            gone, found = here.known.find(QUESTION), await here.learn()
            here.other.set("watched:a", "2")
            return gone, found, here.known.find(QUESTION)

        assert asyncio.run(scene()) == (None, b"1", None)

    def test_answered_before_it_hung_up_is_not_believed_after_it(self, url: str) -> None:
        async def scene() -> Any:
            here, loop = Here(url), asyncio.get_running_loop()
            answer = loop.create_future()
            answer.set_result(b"OK")
            here.known._fail("it hung up")
            here.known._heard(loop.time(), 0, [answer], answer)
            return here.known._tracks

        assert asyncio.run(scene()) is False

    def test_is_slow_is_not_asked_twice(self, url: str) -> None:
        """To be told of what it tells of already it would refuse."""

        async def scene() -> Any:
            here = Here(url)
            here.other.set("watched:a", "1")
            for _ in range(2):
                here.known.find(QUESTION)
                here.known._renew_at = float("-inf")
            assert len(here.known._asked) == 2
            return await here.learn()

        assert asyncio.run(scene()) == b"1"

    def test_loads_its_data_is_asked_again_soon(self, url: str) -> None:
        async def scene() -> float:
            here, answer = Here(url), asyncio.get_running_loop().create_future()
            here.other.set("watched:a", "1")
            await here.learn()
            answer.set_exception(ReplyError("LOADING Redis is loading the dataset in memory"))
            here.known._heard(here.known._renew_at, here.known._failures, [answer], answer)
            return here.known._renew_at - time.monotonic()

        assert asyncio.run(scene()) < UNTOLD / 2

    @pytest.mark.parametrize("refused", [b"HELLO", b"CLIENT"])
    def test_does_not_tell_is_asked_each_time(self, caplog: pytest.LogCaptureFixture, refused: bytes) -> None:
        """One that takes the second command without the first would never tell."""
        asked: list[bytes] = []

        async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while words := await reader.read(65536):
                asked.append(words)
                for command in words.split(b"*")[1:]:
                    writer.write(b"-ERR unknown command\r\n" if refused in command else b"+OK\r\n")

        async def scene() -> list[Any]:
            server = await asyncio.start_server(old, "127.0.0.1", 0)
            known = Known(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", b"watched:")
            found = []
            async with asyncio.timeout(10):
                while "does not tell" not in caplog.text:
                    found.append(known.find(QUESTION))
                    await asyncio.sleep(0.005)
            said = len(asked)
            for _ in range(20):
                found.append(known.find(QUESTION))
                await asyncio.sleep(0.02)
            server.close()
            assert len(asked) == said, "it has said no, and need not say so again"
            return found

        assert set(asyncio.run(scene())) == {None}


@contextmanager
def proxied_redis(url: str) -> Iterator[tuple[str, FaultProxy]]:
    """Redis behind a proxy that can misbehave, and its address there."""
    place = urlsplit(url)
    with fault_proxy(place.hostname or "", place.port or 0) as proxy:
        yield url.replace(f":{place.port}/", f":{proxy.port}/"), proxy


class TestATurn:
    """Requests that had come before any of them was answered: one look for news serves all."""

    def test_needs_one_look(self, url: str) -> None:
        async def scene() -> list[int]:
            here, looks = Here(url), []
            here.other.set("watched:a", "1")
            await here.learn()
            poll = here.known._unread

            class Looking:
                def poll(self, wait: int) -> Any:
                    looks.append(wait)
                    return poll.poll(wait)

            here.known._unread = Looking()  # type: ignore[assignment]
            counts, one, other = [], Turn(), Turn()
            for turn in (one, one, one, other, other, None, None):
                await here.until(lambda turn=turn: here.known.find(QUESTION, turn=turn))  # type: ignore[misc]
                counts.append(len(looks))
            other.is_on = False
            here.known.find(QUESTION, turn=other)
            here.known.find(QUESTION, turn=other)
            return [*counts, len(looks)]

        assert asyncio.run(scene()) == [1, 1, 1, 2, 2, 3, 4, 6]

    def test_that_begins_after_a_change_knows_nothing_from_before(self, url: str) -> None:
        async def scene() -> list[Any]:
            here, seen = Here(url), []
            for number in range(300):
                here.other.set("watched:a", number)
                turn = Turn()
                found = [here.known.find(QUESTION, turn=turn) for _ in range(3)]
                seen += [(number, each) for each in found if each not in (None, b"%d" % number)]
                turn.is_on = False
                if number % 3 == 0:
                    await here.learn()
            return seen

        assert asyncio.run(scene()) == []
