"""What one connection to the web's server allows, over real sockets within one process."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from uvicorn.config import Config

from nexus.web.server import MEMORY, TURN
from nexus.web.server.connection import ARRIVES_WITHIN, LARGEST_HEAD, Connection
from nexus.web.server.door import Shares
from nexus.web.server.glance import Glance
from nexus.web.server.workers import SharingServer, listen

KEEP_ALIVE = 75
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"


class Answering:
    """An ASGI application that answers with these messages, once it has the whole request."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = messages
        self.heard: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive()).get("more_body"):
            pass
        self.heard.append(message["type"])
        for each in self.messages:
            await send(each)


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(what: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": what, "more_body": more}


@pytest.fixture(autouse=True, params=["at a glance", "by the parser"])
def understood(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that are plain are understood both ways, and it makes no difference."""
    if request.param == "by the parser":
        monkeypatch.setattr(Glance, "at", lambda *_: None)


PLAIN = start((b"content-length", b"2")), body(b"ok")
Talk = Callable[[Streams, SharingServer], Awaitable[None]]


def serve(application: Answering, talk: Talk) -> None:
    """Have a server answer by the application, and talk to it."""

    async def inside() -> None:
        config = Config(
            application,  # type: ignore[arg-type]
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=1,
        )
        config.load()
        server = SharingServer(config, shares=Shares([0], 0), most=10, parent=os.getppid())
        server.lifespan = config.lifespan_class(config)
        listening = listen("127.0.0.1", 0)
        await server.startup([listening])
        streams = await asyncio.open_connection(*listening.getsockname())
        try:
            async with asyncio.timeout(15):
                await talk(streams, server)
        finally:
            streams[1].close()
            await server.shutdown([listening])

    asyncio.run(inside())


def said_to(request: bytes, *messages: dict[str, Any]) -> bytes:
    """All that a server says to bytes, until it hangs up."""
    found = b""

    async def talk(streams: Streams, server: SharingServer) -> None:
        nonlocal found
        streams[1].write(request)
        found = await streams[0].read()

    serve(Answering(*(messages or PLAIN)), talk)
    return found


def problem(said: bytes) -> tuple[int, str]:
    head, _, text = said.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    return int(head.split()[1]), json.loads(text)["detail"]


CLOSING = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


class TestAnswers:
    def test_an_answer_of_one_piece_is_written_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        written: list[bytes] = []

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n")
            while not server.server_state.tasks:
                await asyncio.sleep(0)
            [connection] = server.server_state.connections
            write = connection.transport.write
            monkeypatch.setattr(
                connection.transport, "write", lambda data: (written.append(data), write(data)), raising=False
            )
            streams[1].write(b"x")
            await streams[0].readuntil(b"ok")

        serve(Answering(*PLAIN), talk)

        [whole] = written
        assert whole.startswith(b"HTTP/1.1 200 OK\r\n")
        assert whole.endswith(b"content-length: 2\r\n\r\nok")

    def test_a_connection_serves_one_request_after_the_other(self) -> None:
        said = said_to(GET + GET + CLOSING)

        assert said.count(b"HTTP/1.1 200 OK") == 3
        assert said.count(b"connection: close") == 1

    @pytest.mark.parametrize(
        ("messages", "expected"),
        [
            (
                [start(), body(b"a", more=True), body(b"b")],
                b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            ),
            ([start((b"content-length", b"2")), body(b"a", more=True), body(b"b")], b"\r\n\r\nab"),
            ([start(status=304), body(b"")], b"HTTP/1.1 304 Not Modified\r\n"),
            ([start((b"content-length", b"0"), status=204), body(b"")], b"content-length: 0\r\n"),
        ],
        ids=["chunks", "pieces", "nothing new", "empty"],
    )
    def test_others_are_written_as_they_come(self, messages: list[dict[str, Any]], expected: bytes) -> None:
        assert expected in said_to(CLOSING, *messages)

    def test_an_application_may_close_the_connection(self) -> None:
        messages = start((b"content-length", b"1"), (b"connection", b"close")), body(b"a")

        assert said_to(GET, *messages).endswith(b"connection: close\r\n\r\na")

    def test_head_gets_no_body(self) -> None:
        said = said_to(CLOSING.replace(b"GET", b"HEAD"))

        assert b"content-length: 2" in said
        assert said.endswith(b"\r\n\r\n")

    @pytest.mark.parametrize("value", [b"a\r\nset-cookie: evil", b"a\nb", b"a\rb", b"a\0b"])
    def test_a_value_never_begins_another_line(self, value: bytes) -> None:
        said = said_to(CLOSING, start((b"content-length", b"2"), (b"x-name", value)), body(b"ok"))

        assert b"evil" not in said
        assert not said.startswith(b"HTTP/1.1 200")

    @pytest.mark.parametrize("length", [b"1", b"3"])
    def test_a_length_that_is_wrong_breaks_the_connection(self, length: bytes) -> None:
        said = said_to(GET, start((b"content-length", length)), body(b"ok"))

        assert len(said.partition(b"\r\n\r\n")[2]) != int(length)

    def test_an_application_that_fails_is_a_500(self) -> None:
        assert said_to(CLOSING, {"type": "nonsense"}).startswith(b"HTTP/1.1 500")


class Full(Answering):
    """An application that has no room for anybody who asks for ``/full``."""

    def __init__(self) -> None:
        super().__init__(*PLAIN)
        self.asked: list[tuple[str, str]] = []

    def answer_early(self, scope: Any) -> Any:
        self.asked.append((scope["method"], scope["path"], scope["query_string"]))
        return (503, b"content-length: 4\r\n", b"full") if scope["path"] == "/full" else None


class TestAnsweredEarly:
    FULL = b"POST /full?a=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"

    def said(self, *pieces: bytes, application: Full) -> bytes:
        found = b""

        async def talk(streams: Streams, server: SharingServer) -> None:
            nonlocal found
            for piece in pieces:
                streams[1].write(piece)
                await asyncio.sleep(0.01)
            found = await streams[0].read()

        serve(application, talk)
        return found

    @pytest.mark.parametrize("pieces", [[FULL + b"abcde" + CLOSING], [FULL, b"ab", b"cde", CLOSING]])
    def test_the_application_never_hears_of_the_request(self, pieces: list[bytes]) -> None:
        application = Full()

        said = self.said(*pieces, application=application)

        assert said.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\n\r\nfullHTTP/1.1 200 OK" in said
        assert len(application.heard) == 1

    def test_it_is_asked_for_what_came(self) -> None:
        application = Full()

        self.said(self.FULL, b"abcde", GET, CLOSING, application=application)

        assert application.asked[:2] == [("POST", "/full", b"a=1"), ("GET", "/", b"")]

    @pytest.mark.parametrize("url", [b"/f%75ll", b"/full#a", b"/full?a#b"])
    def test_an_address_that_has_to_be_read_first_is_not_asked_for(self, url: bytes) -> None:
        application = Full()

        said = self.said(GET.replace(b"/ ", url + b" ") + CLOSING, application=application)

        assert said.count(b"HTTP/1.1 200") == 2
        assert (len(application.heard), application.asked) == (2, [])

    def test_it_may_remember_things_from_one_request_of_a_connection_to_the_next(self) -> None:
        memories = []

        class Remembering(Full):
            def answer_early(self, scope: Any) -> Any:
                memories.append(scope[MEMORY])
                memories[-1].setdefault("first", scope["path"])
                return super().answer_early(scope)

        application = Remembering()
        for _ in range(2):
            self.said((self.FULL + b"abcde") * 2 + CLOSING, application=application)

        one, again, other, other_again = memories
        assert one is again
        assert other is other_again
        assert one is not other
        assert one == other == {"first": "/full"}

    def test_answers_keep_their_order(self) -> None:
        application = Full()

        said = self.said(GET + self.FULL + b"abcde" + CLOSING, application=application)

        assert said.count(b"HTTP/1.1 200") == 3
        assert len(application.heard) == 3

    def test_whoever_closes_or_waits_for_a_word_is_answered_by_the_application(self) -> None:
        closing = self.FULL.replace(b"Host", b"Connection: close\r\nHost")
        waiting = self.FULL.replace(b"Host", b"Expect: 100-continue\r\nHost")

        assert b" 200 OK" in self.said(closing, b"abcde", application=Full())
        assert b" 100 Continue" in self.said(waiting, b"abcde" + CLOSING, application=Full())


class Taking(Answering):
    """An application that takes over what is posted to ``/taken``, and answers when it is told to."""

    def __init__(self) -> None:
        super().__init__(*PLAIN)
        self.asked: list[tuple[str, bytes]] = []
        self.owed: list[Callable[[Any], None]] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        whole = message.get("body", b"")
        while message.get("more_body"):
            message = await receive()
            whole += message.get("body", b"")
        self.heard.append(message["type"])
        self.bodies.append(whole)
        for each in self.messages:
            await send(each)

    def take_over(self, scope: Any, body: bytes, answered: Callable[[Any], None]) -> bool:
        self.asked.append((scope["path"], body))
        if scope["path"] == "/broken":
            raise RuntimeError
        if scope["path"] != "/taken":
            return False
        self.owed.append(answered)
        return True

    async def takes(self, count: int = 1) -> None:
        while len(self.owed) < count:
            await asyncio.sleep(0)


class TestTakenOver:
    POST = b"POST /taken HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde"
    ANSWER = 409, b"content-length: 4\r\n", b"over"

    def test_is_answered_without_a_task(self) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(self.POST)
            await application.takes()
            assert not server.server_state.tasks
            application.owed[0](self.ANSWER)

            said = await streams[0].readuntil(b"over")
            assert said.startswith(b"HTTP/1.1 409 Conflict\r\n")
            assert b"\r\ncontent-length: 4\r\n\r\nover" in said
            assert server.server_state.total_requests == 1

        serve(application, talk)
        assert (application.asked, application.heard) == ([("/taken", b"abcde")], [])

    def test_is_handled_as_any_other_when_that_is_the_answer(self) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(self.POST)
            await application.takes()
            application.owed[0](None)

            assert (await streams[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200 OK\r\n")

        serve(application, talk)
        assert application.bodies == [b"abcde"]

    @pytest.mark.parametrize("path", [b"/other", b"/broken"])
    def test_what_the_application_does_not_want_it_handles(self, path: bytes) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(self.POST.replace(b"/taken", path))

            assert (await streams[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200 OK\r\n")

        serve(application, talk)
        assert application.bodies == [b"abcde"]

    def test_answers_keep_their_order(self) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(self.POST + GET + self.POST + CLOSING)
            await application.takes()
            assert application.heard == []
            application.owed[0](self.ANSWER)

            said = await streams[0].read()
            assert [each[:3] for each in said.split(b"HTTP/1.1 ")[1:]] == [b"409", b"200", b"200", b"200"]

        serve(application, talk)
        assert application.bodies == [b"", b"abcde", b""], "what came behind it is handled as any other"

    def test_nothing_that_comes_early_passes_it(self) -> None:
        class Both(Taking):
            def answer_early(self, scope: Any) -> Any:
                return (200, b"content-length: 5\r\n", b"early") if scope["method"] == "GET" else None

        application = Both()

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(self.POST + GET)
            await application.takes()
            application.owed[0](self.ANSWER)

            said = await streams[0].readuntil(b"ok")
            assert said.index(b" 409 ") < said.index(b" 200 ")

        serve(application, talk)

    def test_only_what_is_posted_is_asked_for(self) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(self.POST.replace(b"POST", b"PUT") + CLOSING)

            assert (await streams[0].read()).count(b"HTTP/1.1 200") == 2

        serve(application, talk)
        assert application.asked == []

    def test_whoever_waits_for_a_word_gets_it(self) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            head, body = self.POST[:-5], self.POST[-5:]
            streams[1].write(head.replace(b"Host", b"Expect: 100-continue\r\nHost"))
            await streams[0].readuntil(b"HTTP/1.1 100 Continue\r\n\r\n")
            streams[1].write(body)

            assert (await streams[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200 OK\r\n")

        serve(application, talk)
        assert application.asked == []

    def test_a_body_that_takes_its_time_is_read_by_the_application(self) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(self.POST[:-2])
            while not server.server_state.tasks:
                await asyncio.sleep(0)
            streams[1].write(self.POST[-2:])

            assert (await streams[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200 OK\r\n")

        serve(application, talk)
        assert (application.asked, application.bodies) == ([], [b"abcde"])

    @pytest.mark.parametrize("target", [b"http://h:99999/taken", b"http://[::1"])
    def test_a_target_that_is_none_is_refused_though_its_body_takes_its_time(self, target: bytes) -> None:
        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(self.POST[:-2].replace(b"/taken", target))

            assert problem(await streams[0].read())[0] == 400

        serve(Taking(), talk)

    @pytest.mark.parametrize("pieces", [1, 2])
    @pytest.mark.parametrize("before", [b"", GET])
    def test_a_body_that_is_none_is_refused(self, before: bytes, pieces: int) -> None:
        application = Taking()
        head = b"POST /taken HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

        async def talk(streams: Streams, server: SharingServer) -> None:
            if before:
                streams[1].write(before)
                await streams[0].readuntil(b"ok")
            for piece in [head + b"nonsense\r\n"] if pieces == 1 else [head, b"nonsense\r\n"]:
                streams[1].write(piece)
                await asyncio.sleep(0.01)

            assert problem(await streams[0].read()) == (400, "The request is not HTTP.")

        serve(application, talk)
        assert application.asked == []

    def test_a_body_in_chunks_is_a_body(self) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            head = b"POST /taken HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            streams[1].write(head + b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")
            await application.takes()
            application.owed[0](self.ANSWER)
            await streams[0].readuntil(b"over")

        serve(application, talk)
        assert application.asked == [("/taken", b"abcde")]

    def test_whoever_closes_is_answered_by_the_application(self) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(self.POST.replace(b"Host", b"Connection: close\r\nHost"))

            assert (await streams[0].read()).startswith(b"HTTP/1.1 200 OK\r\n")

        serve(application, talk)
        assert application.asked == []

    @pytest.mark.parametrize("answer", [ANSWER, None])
    def test_whoever_has_left_hears_nothing(self, answer: Any) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(self.POST)
            await application.takes()
            connection = await only(server)
            streams[1].close()
            while server.server_state.connections:
                await asyncio.sleep(0)
            written: list[bytes] = []
            connection.transport = type("Gone", (), {"write": written.append, "close": lambda: None})
            application.owed[0](answer)

            assert written == []

        serve(application, talk)
        assert application.heard == []

    def test_a_server_that_ends_answers_it_first(self) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(self.POST)
            await application.takes()
            (await only(server)).shutdown()
            application.owed[0](self.ANSWER)

            assert (await streams[0].read()).endswith(b"connection: close\r\n\r\nover")

        serve(application, talk)

    def test_one_connection_asks_again_and_again(self) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            for count, answer in enumerate([self.ANSWER, None, self.ANSWER, None, self.ANSWER], start=1):
                streams[1].write(self.POST)
                await application.takes(count)
                application.owed[-1](answer)
                await streams[0].readuntil(b"over" if answer else b"ok")

        serve(application, talk)
        assert len(application.heard) == 2


class TestAGlance:
    """What is plain needs no parser, and that can be told by nothing but the time it takes."""

    def test_who_is_not_answered_was_asked_once(self) -> None:
        full, taking = Full(), Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            for request in (GET, GET, POST):
                streams[1].write(request)
                await streams[0].readuntil(b"ok")

        for application in (full, taking):
            serve(application, talk)

        assert full.asked == [("GET", "/", b"")] * 2 + [("POST", "/", b"")]
        assert taking.asked == [("/", b"{}")]
        assert taking.bodies == [b"", b"", b"{}"]

    @pytest.mark.parametrize("path", [b"/", b"/full"])
    def test_a_body_that_reads_like_a_request_is_a_body(self, path: bytes) -> None:
        application, inner = Full(), GET.replace(b"/ ", b"/full ")

        async def talk(streams: Streams, server: SharingServer) -> None:
            connection = await only(server)
            before = POST.replace(b"/ ", path + b" ").replace(b"2", b"%d" % len(inner)).removesuffix(b"{}")
            for piece in (before, inner, CLOSING):
                connection.data_received(piece)
                connection.eof_received()
            await streams[0].read()

        serve(application, talk)

        assert application.asked == [("POST", path.decode(), b"")]

    def test_a_head_that_reads_like_a_request_is_a_head(self) -> None:
        application = Full()

        async def talk(streams: Streams, server: SharingServer) -> None:
            connection = await only(server)
            for piece in (GET.removesuffix(b"\r\n") + b"X: ", GET.replace(b"/ ", b"/full ")):
                connection.data_received(piece)
                connection.eof_received()
            await streams[0].readuntil(b"ok")

        serve(application, talk)

        assert application.asked == [("GET", "/", b"")]

    def test_is_taken_again_after_what_needs_the_parser(self, monkeypatch: pytest.MonkeyPatch) -> None:
        application, looked_at, memories = Full(), [], []
        at, answer_early = Glance.at, application.answer_early

        def count(glance: Glance, data: bytes) -> Any:
            looked_at.append(data)
            return at(glance, data)

        def remember(scope: Any) -> Any:
            memories.append(scope[MEMORY])
            return answer_early(scope)

        async def talk(streams: Streams, server: SharingServer) -> None:
            for piece in (GET, GET[:9], GET[9:], GET):
                streams[1].write(piece)
                await (asyncio.sleep(0.01) if piece == GET[:9] else streams[0].readuntil(b"ok"))

        monkeypatch.setattr(Glance, "at", count)
        application.answer_early = remember  # type: ignore[method-assign]
        serve(application, talk)

        assert looked_at == [GET, GET[:9], GET]
        assert application.asked == [("GET", "/", b"")] * 3
        assert memories[0] is memories[1] is memories[2]

    def test_whoever_was_answered_has_time_to_ask_again(self) -> None:
        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(GET.replace(b"/ ", b"/full "))
            await streams[0].readuntil(b"full")
            assert server.server_state.total_requests == 1
            connection = await only(server)
            connection.look(connection.loop.time() + KEEP_ALIVE - 1)
            assert not connection.transport.is_closing()
            connection.look(connection.loop.time() + KEEP_ALIVE + 1)

            assert await streams[0].read() == b""

        serve(Full(), talk)

    def test_nobody_is_answered_before_whoever_came_first(self) -> None:
        application = Taking()

        async def talk(streams: Streams, server: SharingServer) -> None:
            connection = await only(server)
            for _ in range(2):
                connection.data_received(POST.replace(b"/ ", b"/taken "))
                connection.eof_received()
            assert len(application.owed) == 1
            application.owed[0]((409, b"content-length: 5\r\n", b"first"))

            assert (await streams[0].readuntil(b"first")).startswith(b"HTTP/1.1 409")
            await streams[0].readuntil(b"ok")

        serve(application, talk)

    def test_whoever_does_not_take_what_is_answered_is_not_asked_about(self) -> None:
        application = Full()

        async def talk(streams: Streams, server: SharingServer) -> None:
            connection = await only(server)
            connection.pause_writing()
            connection.data_received(GET.replace(b"/ ", b"/full "))
            connection.eof_received()
            connection.resume_writing()
            await streams[0].readuntil(b"ok")

        serve(application, talk)

        assert application.asked == []

    def test_an_application_is_told_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[dict[str, Any]] = []

        class Both(Full):
            def answer_early(self, scope: Any) -> Any:
                told.append(dict(scope))
                return 200, b"content-length: 2\r\n", b"ok"

            def take_over(self, scope: Any, body: bytes, answered: Any) -> bool:
                told.append(dict(scope) | {"body": body})
                answered((200, b"content-length: 2\r\n", b"ok"))
                return True

        async def talk(streams: Streams, server: SharingServer) -> None:
            for request in (GET.replace(b"/ ", b"/a/b?c=%20&d "), GET.replace(b"/ ", b"/a? "), POST):
                streams[1].write(request)
                await streams[0].readuntil(b"ok")

        serve(Both(), talk)
        monkeypatch.setattr(Glance, "at", lambda *_: None)
        serve(Both(), talk)

        for scope in told:
            scope.pop(TURN)
            scope.pop(MEMORY)
            # What an early answer has no use for.
            _ = scope["method"] == "POST" or scope.pop("state", None)
            scope["client"], scope["server"] = scope["client"][0], scope["server"][0]
        assert told[:3] == told[3:]


class TestATurn:
    """What connections receive is read when all of it is there."""

    def test_is_the_same_for_all_that_came_in_it(self) -> None:
        turns: list[Any] = []

        class Early(Answering):
            def answer_early(self, scope: Any) -> Any:
                assert scope[TURN].is_on
                turns.append(scope[TURN])
                return 200, b"content-length: 5\r\n", b"early"

        async def talk(streams: Streams, server: SharingServer) -> None:
            connection = await only(server)
            connection.data_received(GET)
            connection.data_received(GET + GET)
            assert turns == []
            await streams[0].readuntil(b"early")
            connection.data_received(GET)
            while len(turns) < 4:
                await asyncio.sleep(0)

        serve(Early(), talk)

        assert len({id(turn) for turn in turns[:3]}) == 1
        assert turns[3] is not turns[0]
        assert not any(turn.is_on for turn in turns)

    def test_is_shared_by_all_connections_of_a_server(self) -> None:
        async def talk(streams: Streams, server: SharingServer) -> None:
            connection = await only(server)
            other = Connection(config=server.config, server_state=server.server_state, app_state={})

            assert connection._turns is other._turns

        serve(Answering(*PLAIN), talk)

    def test_ends_with_what_a_client_sends_and_what_came_before_is_answered(self) -> None:
        application = Full()

        async def talk(streams: Streams, server: SharingServer) -> None:
            connection = await only(server)
            connection.data_received(GET.replace(b"/ ", b"/full "))
            # The connection is closed as soon as this returns.
            connection.eof_received()
            assert application.asked == [("GET", "/full", b"")]

            assert (await streams[0].readuntil(b"full")).startswith(b"HTTP/1.1 503")

        serve(application, talk)

    def test_ends_with_the_server_and_what_came_before_is_answered(self) -> None:
        async def talk(streams: Streams, server: SharingServer) -> None:
            connection = await only(server)
            connection.data_received(GET)
            connection.shutdown()

            assert (await streams[0].read()).endswith(b"connection: close\r\n\r\nok")

        serve(Answering(*PLAIN), talk)

    def test_that_cannot_be_read_closes_the_connection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_: Any) -> None:
            raise RuntimeError

        async def talk(streams: Streams, server: SharingServer) -> None:
            await only(server)
            monkeypatch.setattr(Connection, "read", fails)
            streams[1].write(GET)

            with suppress(ConnectionResetError):
                assert await streams[0].read() == b""

        serve(Answering(*PLAIN), talk)


class TestRequests:
    def test_a_head_without_end_is_refused(self) -> None:
        line = b"X-Long: %b\r\n" % (b"a" * 1000)

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(b"GET / HTTP/1.1\r\n")
            connection = await only(server)
            while connection.headers is None:
                await asyncio.sleep(0)
            # No more than is needed: what nobody reads would reset the connection, the answer with it.
            streams[1].write(line * (LARGEST_HEAD // len(line) + 1))

            assert problem(await streams[0].read()) == (431, "The head of the request is too large.")

        serve(Answering(*PLAIN), talk)

    def test_a_head_counts_from_its_own_beginning(self) -> None:
        large = GET.replace(b"\r\n\r\n", b"\r\nX-Long: %b\r\n\r\n" % (b"a" * (LARGEST_HEAD * 2 // 3)))

        assert said_to(large * 9 + CLOSING).count(b"HTTP/1.1 200") == 10

    def test_bytes_that_are_no_request_are_refused(self) -> None:
        assert problem(said_to(b"\x16\x03\x01 hello\r\n\r\n")) == (400, "The request is not HTTP.")

    def test_an_old_version_is_refused(self) -> None:
        assert problem(said_to(b"GET /\r\n\r\n"))[0] == 400


class TestTime:
    """The clock is not waited for: connections are told that it is later."""

    @pytest.mark.parametrize("begun", [b"", b"GET / HT"], ids=["nothing", "half a line"])
    def test_a_request_has_to_arrive(self, begun: bytes) -> None:
        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(begun)
            connection = await only(server)
            while begun and connection.headers is None:
                await asyncio.sleep(0)
            connection.look(connection.loop.time() + ARRIVES_WITHIN - 1)
            assert not connection.transport.is_closing()
            connection.look(connection.loop.time() + ARRIVES_WITHIN + 1)

            assert problem(await streams[0].read())[0] == 408

        serve(Answering(*PLAIN), talk)

    def test_who_waits_for_the_body_learns_that_it_never_comes(self) -> None:
        application = Answering(*PLAIN)

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")
            while not server.server_state.tasks:
                await asyncio.sleep(0)
            connection = await only(server)
            connection.look(connection.loop.time() + ARRIVES_WITHIN + 1)

            assert await streams[0].read() == b""

        serve(application, talk)

        assert application.heard == ["http.disconnect"]

    def test_an_unused_connection_is_closed(self) -> None:
        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(GET)
            await streams[0].readuntil(b"ok")
            connection = await only(server)
            connection.look(connection.loop.time() + KEEP_ALIVE - 1)
            assert not connection.transport.is_closing()
            connection.look(connection.loop.time() + KEEP_ALIVE + 1)

            assert await streams[0].read() == b""

        serve(Answering(*PLAIN), talk)

    def test_a_long_answer_is_not_cut_off(self) -> None:
        goes_on = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await goes_on.wait()
            for each in PLAIN:
                await send(each)

        async def talk(streams: Streams, server: SharingServer) -> None:
            streams[1].write(GET)
            while not server.server_state.tasks:
                await asyncio.sleep(0)
            connection = await only(server)
            connection.look(connection.loop.time() + 1000)
            goes_on.set()

            assert (await streams[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200")

        serve(slow, talk)  # type: ignore[arg-type]

    def test_the_server_looks_by_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("nexus.web.server.connection.ARRIVES_WITHIN", -1.0)

        async def talk(streams: Streams, server: SharingServer) -> None:
            await only(server)
            await server.on_tick(0)

            assert problem(await streams[0].read())[0] == 408

        serve(Answering(*PLAIN), talk)


async def only(server: SharingServer) -> Connection:
    """The one connection, when it is there."""
    while not server.server_state.connections:
        await asyncio.sleep(0)
    [connection] = server.server_state.connections
    assert isinstance(connection, Connection)
    return connection
