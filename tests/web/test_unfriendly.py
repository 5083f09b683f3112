"""Clients that mean no good, or that others cannot tell from such."""

import asyncio
from typing import Any

import pytest

from nexus.web.server import connection
from nexus.web.server.connection import ARRIVES_WITHIN, MOST_AHEAD
from nexus.web.server.workers import SharingServer
from tests.web.test_connection import (
    CLOSING,
    GET,
    PLAIN,
    Answering,
    Full,
    Streams,
    body,
    only,
    problem,
    said_to,
    serve,
    start,
)

CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
UPGRADE = b"POST /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\n"


class Hearing(Answering):
    """Remembers what it was asked, body and all, and answers when it may."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        super().__init__(*(messages or PLAIN))
        self.asked: list[tuple[str, bytes, list[tuple[bytes, bytes]]]] = []
        self.left: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        sent = b""
        while True:
            message = await receive()
            sent += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.asked.append((scope["path"], sent, scope["headers"]))
        if scope["path"] == "/until-left":
            self.left.append((await receive())["type"])
            return
        await self.may_answer.wait()
        for each in self.messages:
            await send(each)


async def sent(streams: Streams, *pieces: bytes) -> None:
    for piece in pieces:
        streams[1].write(piece)
        await asyncio.sleep(0.02)


class TestUpgrades:
    @pytest.mark.parametrize("pieces", [[UPGRADE + b"abcde" + CLOSING], [UPGRADE, b"abcde", CLOSING]])
    def test_one_is_ignored_and_the_body_read(self, pieces: list[bytes]) -> None:
        application = Hearing()

        async def talk(streams: Streams, server: SharingServer) -> None:
            await sent(streams, *pieces)
            assert (await streams[0].read()).count(b"200 OK") == 2

        serve(application, talk)

        assert [each[:2] for each in application.asked] == [("/a", b"abcde"), ("/", b"")]

    def test_a_body_may_speak_of_one(self) -> None:
        application = Hearing()
        letter = b"Dear\r\nUpgrade: me\r\n\r\n"
        head = b"POST /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(letter)

        async def talk(streams: Streams, server: SharingServer) -> None:
            await sent(streams, head, letter, CLOSING)
            assert (await streams[0].read()).count(b"200 OK") == 2

        serve(application, talk)

        assert application.asked[0][1] == letter

    def test_a_body_is_never_taken_for_a_request(self) -> None:
        """Cut where the word cannot be seen: then the parser would go on reading behind the head."""
        application = Hearing()
        cut = UPGRADE.index(b"Upgrade: h2c") + 3
        hidden = b"DELETE /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
        head = UPGRADE.replace(b": 5", b": %d" % len(hidden))

        async def talk(streams: Streams, server: SharingServer) -> None:
            await sent(streams, head[:cut], head[cut:], hidden)
            assert problem(await streams[0].read())[0] == 400

        serve(application, talk)

        assert application.asked == []


class TestAhead:
    def test_requests_that_wait_for_no_answer_are_bounded(self) -> None:
        application = Hearing()

        async def talk(streams: Streams, server: SharingServer) -> None:
            application.may_answer.clear()
            await sent(streams, GET * (MOST_AHEAD + 2))
            assert await streams[0].read() == b""

        serve(application, talk)

        assert len(application.asked) == 1

    def test_as_many_as_there_may_be_are_answered(self) -> None:
        assert said_to(GET * (MOST_AHEAD - 1) + CLOSING).count(b"200 OK") == MOST_AHEAD

    def test_the_one_under_way_learns_that_the_client_has_left(self) -> None:
        application = Hearing()

        async def talk(streams: Streams, server: SharingServer) -> None:
            await sent(streams, GET.replace(b" / ", b" /until-left "), GET)
            (await only(server)).transport.abort()
            while not application.left:
                await asyncio.sleep(0)

        serve(application, talk)

        assert application.left == ["http.disconnect"]

    def test_who_waits_for_the_server_is_not_late(self) -> None:
        application = Hearing()
        large = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n"

        async def talk(streams: Streams, server: SharingServer) -> None:
            application.may_answer.clear()
            await sent(streams, GET, large + b"a" * 100_000)
            one = await only(server)
            one.look(one.loop.time() + ARRIVES_WITHIN + 1)
            assert not one.transport.is_closing()
            application.may_answer.set()
            await sent(streams, b"a" * 100_000, CLOSING)
            assert (await streams[0].read()).count(b"200 OK") == 3

        serve(application, talk)


class TestReaders:
    def test_who_takes_nothing_of_an_answer_is_let_go(self) -> None:
        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].transport.pause_reading()  # type: ignore[attr-defined]
            streams[1].write(GET)
            one = await only(server)
            while not one.transport.get_write_buffer_size():
                await asyncio.sleep(0)
            now = one.loop.time()
            one.look(now)
            one.look(now + ARRIVES_WITHIN - 1)
            assert server.server_state.connections
            one.look(now + ARRIVES_WITHIN + 1)
            while server.server_state.connections:
                await asyncio.sleep(0)

        serve(Answering(start((b"content-length", b"50000000")), body(b"x" * 50_000_000)), talk)

    def test_who_takes_a_little_may_take_their_time(self) -> None:
        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].transport.pause_reading()  # type: ignore[attr-defined]
            streams[1].write(GET)
            one = await only(server)
            while not (size := one.transport.get_write_buffer_size()):
                await asyncio.sleep(0)
            now = one.loop.time()
            one.look(now)
            streams[1].transport.resume_reading()  # type: ignore[attr-defined]
            while one.transport.get_write_buffer_size() >= size:
                await streams[0].readexactly(65536)
            one.look(now + ARRIVES_WITHIN + 1)
            assert not one.transport.is_closing()

        serve(Answering(start((b"content-length", b"50000000")), body(b"x" * 50_000_000)), talk)

    def test_nobody_is_turned_away_into_a_full_buffer(self) -> None:
        application = Full()

        async def talk(streams: Streams, server: SharingServer) -> None:
            one = await only(server)
            one.flow.pause_writing()
            await sent(streams, GET.replace(b" / ", b" /full "))
            assert application.heard
            one.flow.resume_writing()
            assert b"200 OK" in await streams[0].readuntil(b"ok")

        serve(application, talk)


class TestTrailers:
    def test_they_never_pass_for_headers(self) -> None:
        application = Hearing()

        async def talk(streams: Streams, server: SharingServer) -> None:
            await sent(streams, CHUNKED + b"0\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n" + CLOSING)
            assert (await streams[0].read()).count(b"200 OK") == 2

        serve(application, talk)

        path, read, headers = application.asked[0]
        assert (path, read) == ("/", b"abc")
        assert b"x-forwarded-for" not in dict(headers)

    def test_they_close_nothing(self) -> None:
        """The parser would read nothing after them, and a client wait for ever."""

        async def talk(streams: Streams, server: SharingServer) -> None:
            await sent(streams, CHUNKED, b"0\r\nConnection: close\r\n\r\n")
            assert problem(await streams[0].read())[0] == 400

        serve(Hearing(), talk)

    def test_they_have_an_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "LARGEST_HEAD", 1000)

        async def talk(streams: Streams, server: SharingServer) -> None:
            await sent(streams, CHUNKED, b"0\r\n", *[b"a: " + b"b" * 300 + b"\r\n"] * 4)
            assert problem(await streams[0].read())[0] == 431

        serve(Hearing(), talk)


class TestRefusals:
    def test_none_is_written_into_an_answer(self) -> None:
        pieces = start((b"content-length", b"9")), body(b"part", more=True)

        async def talk(streams: Streams, server: SharingServer) -> None:
            await sent(streams, GET, b"\x00 garbage\r\n\r\n")
            assert b"400" not in await streams[0].read()

        serve(Hearing(*pieces), talk)

    def test_none_is_written_in_place_of_an_answer(self) -> None:
        application = Hearing()

        async def talk(streams: Streams, server: SharingServer) -> None:
            application.may_answer.clear()
            await sent(streams, GET, b"\x00 garbage\r\n\r\n")
            assert await streams[0].read() == b""

        serve(application, talk)

    def test_none_follows_an_answer_that_came_before_its_body(self) -> None:
        async def early(scope: Any, receive: Any, send: Any) -> None:
            for each in PLAIN:
                await send(each)

        async def talk(streams: Streams, server: SharingServer) -> None:
            await sent(streams, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")
            await streams[0].readuntil(b"ok")
            one = await only(server)
            one.look(one.loop.time() + ARRIVES_WITHIN + 1)
            assert await streams[0].read() == b""

        serve(early, talk)  # type: ignore[arg-type]

    def test_an_application_that_fails_to_answer_early_answers(self, caplog: pytest.LogCaptureFixture) -> None:
        class Failing(Full):
            def answer_early(self, scope: Any) -> Any:
                raise LookupError("somewhere")

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(GET)
            assert b"200 OK" in await streams[0].readuntil(b"ok")

        serve(Failing(), talk)

        assert "somewhere" in caplog.text
