"""One statement on the event loop: what it says, and what becomes of it when Postgres fails."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
import uvloop

from nexus.eventbus.postgresql.door import LeftAlone
from nexus.eventbus.stores import postgres_line
from nexus.eventbus.stores.postgres_line import Line
from nexus.eventbus.stores.postgres_rows import connect

pytestmark = pytest.mark.django_db(databases=["orders"], transaction=True)
ECHO = "SELECT $1::text, NULL::text, octet_length($2::text)"
SLOW = "SELECT $1::text, pg_sleep($2::float), pg_backend_pid()"


@asynccontextmanager
async def line_of(statement: str) -> AsyncIterator[Line]:
    line = Line("orders", statement)
    try:
        async with asyncio.timeout(20):
            yield line
    finally:
        line.hang_up()


def end(process: int) -> None:
    with connect("orders") as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [process])


def scene(talk: Callable[[Line], Coroutine[Any, Any, Any]], statement: str = ECHO) -> Any:
    async def inside() -> Any:
        async with line_of(statement) as line:
            return await talk(line)

    # The loop that the web process has.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(inside())


def test_its_rows_are_what_postgres_writes() -> None:
    async def talk(line: Line) -> Any:
        return await line.ask("ä".encode(), b"xyz"), await line.ask(b"", b"")

    assert scene(talk) == ([("ä".encode(), None, b"3")], [(b"", None, b"0")])


def test_many_rows_come_as_they_are() -> None:
    async def talk(line: Line) -> Any:
        return await line.ask(b"5000"), await line.ask(b"0")

    many, none = scene(talk, "SELECT generate_series(1, $1::int)")

    assert many == [(b"%d" % number,) for number in range(1, 5001)]
    assert none == []


def test_it_takes_a_new_connection_when_the_server_fell_silent_meanwhile() -> None:
    """Somebody else noticed: the connections that stood then are worth nothing."""

    async def talk(line: Line) -> Any:
        before = (await line.ask(b"", b"0"))[0][2]
        line._door.silences += 1
        return before, *[(await line.ask(b"", b"0"))[0][2] for _ in range(2)]

    before, after, later = scene(talk, SLOW)

    assert before != after == later


def test_a_server_that_keeps_silent_is_given_up_and_left_alone(settings: Any) -> None:
    async def talk(line: Line) -> Any:
        await line.ask(b"", b"0")
        settings.STATEMENT_SECONDS = -0.9
        with pytest.raises(psycopg.OperationalError, match="does not answer"):
            await line.ask(b"", b"5")
        assert line._connection is None
        with pytest.raises(LeftAlone):
            await line.ask(b"", b"0")
        line._door.answered()
        return await line.ask(b"again", b"0")

    assert scene(talk, SLOW)[0][0] == b"again"


def test_it_keeps_its_connection() -> None:
    async def talk(line: Line) -> Any:
        return [(await line.ask(b"", b"0"))[0][2] for _ in range(5)]

    assert len(set(scene(talk, SLOW))) == 1


def test_a_question_larger_than_a_socket_holds_arrives() -> None:
    async def talk(line: Line) -> Any:
        return await line.ask(b"a", b"x" * 20_000_000)

    assert scene(talk) == [(b"a", None, b"20000000")]


def test_what_postgres_says_no_to_is_raised_and_the_next_is_answered() -> None:
    async def talk(line: Line) -> Any:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await line.ask(b"0")
        return await line.ask(b"2")

    assert scene(talk, "SELECT 6 / $1::int") == [(b"3",)]


def test_a_statement_that_is_none_is_raised_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def watched(database: str) -> Any:
        made.append(connect(database))
        return made[-1]

    monkeypatch.setattr(postgres_line, "connect", watched)

    async def talk(line: Line) -> None:
        for _ in range(2):
            with pytest.raises(psycopg.errors.SyntaxError):
                await line.ask()

    scene(talk, "SELECT FROM WHERE")
    assert [connection.closed for connection in made] == [True, True]


def test_a_connection_that_was_ended_meanwhile_is_made_anew() -> None:
    async def talk(line: Line) -> Any:
        [(_, _, process)] = await line.ask(b"", b"0")
        assert process
        await asyncio.to_thread(end, int(process))
        while line._connection:
            await asyncio.sleep(0.001)
        return await line.ask(b"again", b"0")

    assert scene(talk, SLOW)[0][0] == b"again"


def test_a_connection_that_ends_while_it_is_waited_for_is_raised() -> None:
    async def talk(line: Line) -> Any:
        [(_, _, process)] = await line.ask(b"", b"0")
        assert process
        asked = asyncio.ensure_future(line.ask(b"", b"30"))
        await asyncio.sleep(0)
        await asyncio.to_thread(end, int(process))
        with pytest.raises(psycopg.OperationalError):
            await asked
        return await line.ask(b"again", b"0")

    assert scene(talk, SLOW)[0][0] == b"again"


def test_who_gives_up_waiting_never_hears_the_answer_to_something_else() -> None:
    async def talk(line: Line) -> Any:
        await line.ask(b"", b"0")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await line.ask(b"the first", b"0.5")
        return [(await line.ask(b"%d" % number, b"0"))[0][0] for number in range(3)]

    assert scene(talk, SLOW) == [b"0", b"1", b"2"]


def test_only_one_asks_at_a_time() -> None:
    async def talk(line: Line) -> Any:
        first = asyncio.ensure_future(line.ask(b"first", b"0.05"))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError):
            await line.ask(b"second", b"0")
        return await first

    assert scene(talk, SLOW)[0][0] == b"first"


def test_another_event_loop_has_another_connection() -> None:
    line = Line("orders", ECHO)
    try:
        answers = [asyncio.run(line.ask(b"%d" % number, b"")) for number in range(2)]
    finally:
        line.hang_up()

    assert [rows[0][0] for rows in answers] == [b"0", b"1"]


def test_a_postgres_that_is_not_there_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> Any:
        raise psycopg.OperationalError("nobody listens")

    async def talk(line: Line) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(postgres_line, "connect", refuse)
            with pytest.raises(psycopg.OperationalError):
                await line.ask(b"", b"")
        return await line.ask(b"there", b"")

    assert scene(talk)[0][0] == b"there"


def test_who_gives_up_while_it_connects_leaves_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, made = threading.Event(), []

    def slowly(database: str) -> Any:
        assert goes_on.wait(20)
        made.append(connect(database))
        return made[-1]

    monkeypatch.setattr(postgres_line, "connect", slowly)

    async def talk(line: Line) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await line.ask(b"", b"")
        goes_on.set()
        while not made or not made[0].closed:
            await asyncio.sleep(0.001)

    scene(talk)
