"""What came in one turn of the event loop is read when all of it is there, one after the other."""

import asyncio
from typing import Any

import pytest

from nexus.web.server.turns import Turn, Turns


class Reader:
    """Notes what it is given."""

    def __init__(self, name: str, read: list[Any], *, fails: bool = False) -> None:
        self._name, self._read, self._fails = name, read, fails
        self.given_up = False

    def read(self, data: bytes, turn: Turn) -> None:
        assert turn.is_on
        self._read.append((self._name, data, turn))
        if self._fails:
            raise RuntimeError

    def give_up(self) -> None:
        self.given_up = True


def test_everything_that_came_is_read_in_its_order() -> None:
    async def scene() -> list[Any]:
        read: list[Any] = []
        turns, a, b = Turns(), Reader("a", read), Reader("b", read)
        for reader, data in ((a, b"1"), (b, b"2"), (a, b"3")):
            turns.add(reader, data)
        assert read == []
        await asyncio.sleep(0)
        return read

    read = asyncio.run(scene())

    assert [each[:2] for each in read] == [("a", b"1"), ("b", b"2"), ("a", b"3")]
    assert len({id(turn) for *_, turn in read}) == 1
    assert not read[0][2].is_on, "a turn ends"


def test_what_comes_meanwhile_is_of_another_turn() -> None:
    async def scene() -> list[Any]:
        read: list[Any] = []
        turns, later = Turns(), Reader("later", read)

        class First(Reader):
            def read(self, data: bytes, turn: Turn) -> None:
                super().read(data, turn)
                turns.add(later, b"2")

        turns.add(First("first", read), b"1")
        await asyncio.sleep(0)
        assert len(read) == 1
        await asyncio.sleep(0)
        return read

    (_, _, one), (name, _, other) = asyncio.run(scene())

    assert name == "later"
    assert one is not other


def test_one_that_cannot_be_read_takes_nobody_with_it(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> tuple[Reader, Reader, list[Any]]:
        read: list[Any] = []
        turns, bad, good = Turns(), Reader("bad", read, fails=True), Reader("good", read)
        turns.add(bad, b"1")
        turns.add(good, b"2")
        await asyncio.sleep(0)
        return bad, good, read

    bad, good, read = asyncio.run(scene())

    assert [name for name, *_ in read] == ["bad", "good"]
    assert (bad.given_up, good.given_up) == (True, False)
    assert "cannot be read" in caplog.text


def test_what_is_read_before_its_time_is_read_once() -> None:
    async def scene() -> list[Any]:
        read: list[Any] = []
        turns = Turns()
        turns.add(Reader("a", read), b"1")
        turns.read()
        turns.read()
        await asyncio.sleep(0)
        return read

    assert len(asyncio.run(scene())) == 1
