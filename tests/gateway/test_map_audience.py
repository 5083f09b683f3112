"""Those who watch the map: one look for all of them, and nothing that gathers for who is slow."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from nexus.eventbus.doctor import State
from nexus.gateway.map.audience import MOST, Audience, TooManyWatch, Watcher, message_of
from nexus.gateway.map.health import Seen, judged
from nexus.gateway.map.snapshot import Snapshot


def snapshot(rate: float | None = 1.0) -> Snapshot:
    return Snapshot(at=datetime.now(UTC), seen={"orders": judged({"rate": rate})})


class Counting:
    """Takes snapshots and counts them."""

    def __init__(self) -> None:
        self.taken, self.closed = 0, False

    def take(self) -> Snapshot:
        self.taken += 1
        return snapshot(float(self.taken))

    def close(self) -> None:
        self.closed = True


class Failing(Counting):
    def take(self) -> Snapshot:
        if super().take() and self.taken == 1:
            raise ValueError("once")
        return snapshot()


def run(test: Callable[[], object]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


async def soon(is_so: Callable[[], bool], within: float = 5) -> None:
    async with asyncio.timeout(within):
        while not is_so():
            await asyncio.sleep(0.01)


class TestAudience:
    def test_looks_once_for_everybody(self) -> None:
        looks = Counting()

        async def test() -> None:
            audience = Audience(lambda: looks, every=0.02, linger=0)
            watchers = [audience.join(knows_past=True) for _ in range(5)]
            messages = [await each.take(5) for each in watchers]
            assert len(set(messages)) == 1
            assert looks.taken == 1
            for each in watchers:
                audience.leave(each)

        run(test)

    def test_shows_a_newcomer_the_past(self) -> None:
        async def test() -> None:
            audience = Audience(Counting, every=0.01, linger=0)
            first = audience.join()
            assert await first.take(5) == b"event: past\ndata: {}\n\n"
            for _ in range(3):
                assert await first.take(5)
            past = await audience.join().take(5)
            assert past.startswith(b'event: past\ndata: {"orders":{"rate":[1.0,2.0,3.0')

        run(test)

    def test_looks_no_more_when_the_last_has_left(self) -> None:
        looks = Counting()

        async def test() -> None:
            audience = Audience(lambda: looks, every=0.01, linger=0.05)
            one, other = audience.join(), audience.join()
            await soon(lambda: looks.taken > 2)
            audience.leave(one)
            audience.leave(other)
            await soon(lambda: not audience.is_sampling)
            assert looks.closed
            taken = looks.taken
            audience.leave(audience.join())
            await soon(lambda: looks.taken > taken), "whoever comes later is served again"

        run(test)

    def test_has_room_for_so_many_and_no_more(self) -> None:
        async def test() -> None:
            audience = Audience(Counting, every=0.01, linger=0)
            watchers = [audience.join() for _ in range(MOST)]
            with pytest.raises(TooManyWatch):
                audience.join()
            audience.leave(watchers.pop())
            watchers.append(audience.join())
            for each in watchers:
                audience.leave(each)

        run(test)

    def test_survives_a_look_that_fails(self, caplog: pytest.LogCaptureFixture) -> None:
        async def test() -> None:
            audience = Audience(Failing, every=0.01, linger=0)
            watcher = audience.join(knows_past=True)
            assert b"event: now" in await watcher.take(5)
            audience.leave(watcher)

        run(test)

        assert "the map could not be looked at" in caplog.text


class TestWatcher:
    def test_loses_what_it_was_too_slow_for(self) -> None:
        async def test() -> None:
            watcher = Watcher(b"past")
            for number in range(1000):
                watcher.offer(b"%d" % number)

            assert [await watcher.take(1), await watcher.take(1)] == [b"past", b"999"]
            assert await watcher.take(0.01) == b"", "each is given once"

        run(test)


def test_a_number_is_as_short_as_it_is_sure() -> None:
    seen = {"orders": Seen(state=State.WELL, says=[], figures={"rate": 123.456789, "p95": None})}

    assert b'"figures":{"rate":123.5,"p95":null}' in message_of(Snapshot(at=datetime.now(UTC), seen=seen))
