"""The fault proxy does what it is told, or what stands behind it would be blamed for nothing."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.eventually import eventually
from tests.faultproxy import FaultProxy, Toxic, fault_proxy

PATIENCE = 0.3


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        open_here: set[socket.socket] = self.server.open_here  # type: ignore[attr-defined]
        open_here.add(self.request)
        while data := self.request.recv(65536):
            self.request.sendall(data)
        open_here.discard(self.request)


@pytest.fixture
def echo() -> Iterator[socketserver.ThreadingTCPServer]:
    """A server that says what it is told, and knows who is connected."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        server.open_here = set()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(echo: socketserver.ThreadingTCPServer) -> Iterator[FaultProxy]:
    with fault_proxy("127.0.0.1", echo.server_address[1]) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    """A connection that was heard once, so that it stands all the way."""
    with connect(proxy) as connection:
        assert answer_to(connection, b"hello") == b"hello"
        yield connection


def connect(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def answer_to(connection: socket.socket, words: bytes) -> bytes:
    """What comes back, as many bytes as were said; fewer when the other side hangs up."""
    connection.sendall(words)
    heard = b""
    while len(heard) < len(words) and (data := connection.recv(len(words) - len(heard))):
        heard += data
    return heard


def is_left_waiting(connection: socket.socket) -> bool:
    connection.settimeout(PATIENCE)
    try:
        return not answer_to(connection, b"anybody?")
    except TimeoutError:
        return True
    finally:
        connection.settimeout(10)


class TestWithoutAToxic:
    def test_carries_a_megabyte_both_ways(self, client: socket.socket) -> None:
        words = bytes(range(256)) * 4096
        threading.Thread(target=client.sendall, args=[words]).start()

        assert answer_to(client, b"")[:0] + _receive(client, len(words)) == words

    def test_hangs_up_when_the_other_side_does(self, client: socket.socket, proxy: FaultProxy) -> None:
        client.shutdown(socket.SHUT_WR)

        assert client.recv(1) == b""
        assert eventually(lambda: proxy.connections == 0)


class TestDown:
    def test_hangs_up_and_refuses(self, client: socket.socket, proxy: FaultProxy) -> None:
        proxy.inflict(Toxic(down=True))

        assert client.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)

    def test_is_over_on_the_same_port(self, proxy: FaultProxy) -> None:
        proxy.inflict(Toxic(down=True))

        proxy.heal()

        with connect(proxy) as connection:
            assert answer_to(connection, b"again") == b"again"


class TestSilent:
    def test_accepts_and_never_answers(self, client: socket.socket, proxy: FaultProxy) -> None:
        proxy.inflict(Toxic(silent=True))

        assert is_left_waiting(client)
        with connect(proxy) as newcomer:
            assert is_left_waiting(newcomer)

    def test_delivers_late_what_was_said_meanwhile(self, client: socket.socket, proxy: FaultProxy) -> None:
        proxy.inflict(Toxic(silent=True))
        client.sendall(b"late")

        proxy.heal()

        assert _receive(client, 4) == b"late"


class TestReset:
    def test_resets_those_there_are_and_those_who_come(self, client: socket.socket, proxy: FaultProxy) -> None:
        proxy.inflict(Toxic(reset=True))

        with pytest.raises(ConnectionResetError):
            client.recv(1)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            answer_to(connect(proxy), b"hello")

    def test_can_be_done_once(self, client: socket.socket, proxy: FaultProxy) -> None:
        proxy.cut(reset=True)

        with pytest.raises(ConnectionResetError):
            client.recv(1)
        with connect(proxy) as newcomer:
            assert answer_to(newcomer, b"hello") == b"hello"


class TestHalfOpen:
    def test_the_server_is_gone_and_the_client_does_not_know(
        self, client: socket.socket, proxy: FaultProxy, echo: socketserver.ThreadingTCPServer
    ) -> None:
        proxy.half_open()

        assert eventually(lambda: not echo.open_here)  # type: ignore[attr-defined]
        assert is_left_waiting(client)
        with connect(proxy) as newcomer:
            assert answer_to(newcomer, b"hello") == b"hello"

    def test_stays_so_until_the_client_hangs_up(self, client: socket.socket, proxy: FaultProxy) -> None:
        proxy.half_open()
        proxy.heal()

        assert is_left_waiting(client)
        client.close()
        assert eventually(lambda: proxy.connections == 0)


class TestSlow:
    def test_keeps_the_answer_back(self, client: socket.socket, proxy: FaultProxy) -> None:
        proxy.inflict(Toxic(latency=0.4, jitter=0.1))

        began = time.monotonic()
        assert answer_to(client, b"hello") == b"hello"
        assert time.monotonic() - began >= 0.3

    def test_passes_so_many_bytes_in_a_second(self, client: socket.socket, proxy: FaultProxy) -> None:
        proxy.inflict(Toxic(bandwidth=10_000))

        began = time.monotonic()
        assert answer_to(client, bytes(4000)) == bytes(4000)
        assert time.monotonic() - began >= 0.4


class TestMangling:
    def test_passes_slices(self, client: socket.socket, proxy: FaultProxy) -> None:
        proxy.inflict(Toxic(slice_size=1, latency=0.01))

        assert answer_to(client, b"in small pieces") == b"in small pieces"

    def test_says_garbage_of_the_same_length(self, client: socket.socket, proxy: FaultProxy) -> None:
        proxy.inflict(Toxic(garbage=1.0))

        heard = answer_to(client, b"a sentence that is long enough not to come out by chance")
        assert len(heard) == 56
        assert heard != b"a sentence that is long enough not to come out by chance"


def _receive(connection: socket.socket, count: int) -> bytes:
    heard = b""
    while len(heard) < count and (data := connection.recv(count - len(heard))):
        heard += data
    return heard
