"""The load keeps to its schedule, and counts the wait of what could not be sent in time."""

import socketserver
import threading
import time
from itertools import repeat

import pytest

from benchmarks import requests
from benchmarks.client import UNSENT, Client, due_at

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
SLOW = 0.05


class Slow(socketserver.BaseRequestHandler):
    """Takes its time for each answer."""

    def handle(self):
        while self.request.recv(1000):
            time.sleep(SLOW)
            self.request.sendall(ANSWER)


@pytest.fixture
def port():
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


class TestDueAt:
    def test_is_even_and_never_late_by_rounding(self):
        assert [due_at(number, rate=4.0) for number in (0, 1, 4, 4_000_000)] == [0.0, 0.25, 1.0, 1_000_000.0]


class TestOpenLoop:
    def test_counts_the_wait_for_a_free_connection(self, port):
        client = Client(port=port, connections=1, requests=repeat(REQUEST))

        client.open(seconds=0.2, rate=50, grace=5)

        journal = client.journal
        assert journal.count == 10
        assert list(journal.status[:10]) == [200] * 10
        # The tenth is due after 0.18 s and answered tenth, not before 0.5 s.
        assert journal.took[9] >= 10 * SLOW - due_at(9, rate=50)

    def test_dates_requests_by_the_schedule_not_by_when_they_were_sent(self, port):
        client = Client(port=port, connections=1, requests=repeat(REQUEST))

        start = client.open(seconds=0.2, rate=50, grace=5)

        assert [began - start for began in client.journal.began[:10]] == pytest.approx([at / 50 for at in range(10)])

    def test_counts_what_never_found_a_connection(self, port):
        client = Client(port=port, connections=1, requests=repeat(REQUEST))

        client.open(seconds=0.2, rate=100, grace=0.0)

        assert client.journal.count == 20
        assert UNSENT in client.journal.status[:20]


class TestClosedLoop:
    def test_ends_when_the_requests_run_out(self, port):
        client = Client(port=port, connections=2, requests=iter([REQUEST] * 5))

        client.closed(seconds=30, grace=0)

        assert list(client.journal.status[:5]) == [200] * 5
        assert client.journal.count == 5


class TestOrders:
    def test_are_all_made_up_before_the_first_is_asked_for(self, monkeypatch):
        monkeypatch.setattr(requests, "BODIES", 3)
        made = requests.orders(tokens=["t"], skus=["A", "B", "C"], lines=2, run="r", keys=True)
        monkeypatch.setattr(requests, "_body", None)

        assert b"Idempotency-Key: r-1\r\n" in next(made)

    def test_have_each_a_key_of_its_own(self):
        made = requests.orders(tokens=["t", "u"], skus=["A"], lines=1, run="r", keys=True, most=50)

        assert len(set(made)) == 50
