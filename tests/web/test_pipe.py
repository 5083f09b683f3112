"""One connection to Redis for a whole event loop."""

import asyncio
from typing import Any

import pytest

from nexus.web.express.pipe import Pipe, RedisAway, Script


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
