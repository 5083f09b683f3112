"""A broker that stops in the middle of a frame."""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from kombu import Connection

from nexus.eventbus.backends.celery import connecting
from tests.regions.certificates import certificate_of

PAYLOAD = b"what the frame carries"
FRAME = struct.pack(">BHI", 1, 0, len(PAYLOAD)) + PAYLOAD + b"\xce"


@pytest.fixture(params=["amqp", "amqps"])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Any, socket.socket]]:
    """py-amqp's end of a connection as kombu makes it here, and the other."""
    secure = request.param == "amqps"
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"{request.param}://127.0.0.1:{server.getsockname()[1]}"
        kind = Connection(url).transport.Connection
        ours = kind(url.partition("//")[2], ssl=secure and {"cert_reqs": ssl.CERT_NONE})
        transport = ours.Transport(ours.host, 1, ours.ssl, 0.1, 5)
        answering: list[socket.socket] = []

        def answer() -> None:
            theirs, _ = server.accept()
            if secure:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(certificate_of(tmp_path, "127.0.0.1"))
                theirs = context.wrap_socket(theirs, server_side=True)
            answering.append(theirs)

        thread = Thread(target=answer)
        thread.start()
        transport.connect()
        thread.join()
        [theirs] = answering
        # Without the farewell of TLS, which nobody answers.
        with closing(theirs), closing(transport.sock):
            yield transport, theirs


def read(transport: Any, *, patience: float | None) -> Any:
    with transport.having_timeout(patience):
        return transport.read_frame()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("cut", [3, 7, 12, len(FRAME) - 1])
class TestAReader:
    def test_comes_back_for_the_rest(self, ends: tuple[Any, socket.socket], cut: int) -> None:
        transport, broker = ends
        broker.sendall(FRAME[:cut])
        # Until all of that has arrived it may find less, which is the same to it.
        for _ in range(3):
            with pytest.raises(TimeoutError):
                read(transport, patience=0.1)
        with pytest.raises(TimeoutError):
            read(transport, patience=0)

        broker.sendall(FRAME[cut:] + FRAME)

        assert [read(transport, patience=5)[2] for _ in range(2)] == [PAYLOAD, PAYLOAD]

    def test_waits_no_longer_than_the_socket_does(self, ends: tuple[Any, socket.socket], cut: int) -> None:
        transport, broker = ends
        broker.sendall(FRAME[:cut])

        with pytest.raises(TimeoutError):
            read(transport, patience=None)


def test_is_how_this_process_reads_wherever_it_connects() -> None:
    for scheme in ("amqp", "amqps"):
        transport = Connection(f"{scheme}://nowhere;{scheme}://elsewhere").transport
        assert type(transport).__module__ == connecting.ALIASES[scheme].partition(":")[0]
