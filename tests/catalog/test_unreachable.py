"""MongoDB gone or frozen: refusals in seconds, never a hang and never a 500."""

import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

import mongoengine
import pytest
from django.conf import LazySettings
from pymongo.errors import ConnectionFailure, ExecutionTimeout

from nexus.catalog import services
from nexus.catalog.models import connection
from nexus.catalog.services.promises import COPIES, READ_MODELS
from nexus.catalog.services.restore import wrong_search_data
from nexus.eventbus.stores.mongo import current_session
from nexus.web import health

from .conftest import a_lamp

SECONDS = 3.5
NEW = {"slug": "new", "name": "New", "product_type": "lamp"}
CALLS = [
    ("get", "/api/v1/products", None),
    ("get", "/api/v1/products?facets=true&search=lamp", None),
    ("get", "/api/v1/products/alva", None),
    ("get", "/api/v1/categories", None),
    ("get", "/api/v1/product-types/lamp", None),
    ("post", "/api/v1/products", NEW),
    ("patch", "/api/v1/products/alva", {"name": "Other"}),
    ("delete", "/api/v1/categories/home", None),
]

READINGS = [
    *(copy.entries for copy in COPIES),
    *(model.rows for model in READ_MODELS),
    wrong_search_data,
    connection.store.all_streams,
    partial(connection.store.told, ["catalog.offer-changed.v1"]),
    partial(connection.store.heard, "catalog"),
]
"""What looks at everything, to check it or to make it anew."""
NAMES = [
    *(f"copies: {copy.fact}" for copy in COPIES),
    *(f"rows: {model.name}" for model in READ_MODELS),
    "wrong search data",
    "streams",
    "told",
    "heard",
]


class Proxy:
    """Stands between the driver and the server, and can stop passing anything on without closing anything."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.flowing = threading.Event()
        self.flowing.set()
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=[source, target], daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self.flowing.wait()
                if self._closed:
                    return
                target.sendall(data)
        except OSError:
            pass
        finally:
            source.close()
            target.close()

    def close(self) -> None:
        """Lets nothing through any more: a transaction that begins now would be ended by nobody."""
        self._closed = True
        self.flowing.set()
        self._listener.close()


@pytest.fixture
def elsewhere(settings: LazySettings) -> Iterator[None]:
    """Lets a test point MONGO_URL elsewhere, by `reconnect`."""
    before = urlsplit(settings.MONGO_URL).netloc
    yield
    reconnect(settings, before)


def reconnect(settings: LazySettings, netloc: str) -> None:
    settings.MONGO_URL = urlsplit(settings.MONGO_URL)._replace(netloc=netloc).geturl()
    for alias in (connection.ALIAS, connection.WHOLE):
        mongoengine.disconnect(alias)
    connection.register()


@pytest.fixture
def nobody_listens(settings, elsewhere) -> None:
    with socket.create_server(("127.0.0.1", 0)) as vacant:
        port = vacant.getsockname()[1]
    reconnect(settings, f"127.0.0.1:{port}")


@pytest.fixture
def frozen(settings, elsewhere) -> Iterator[None]:
    """A server that answered until now, and keeps its connections open without a word."""
    server = urlsplit(settings.MONGO_URL)
    proxy = Proxy(server.hostname, server.port or 27017)
    reconnect(settings, f"127.0.0.1:{proxy.port}")
    services.create_product(product=a_lamp())
    proxy.flowing.clear()
    yield
    proxy.close()


def assert_refused(client, method, url, body, *, seconds):
    started = time.monotonic()

    answer = getattr(client, method)(url, body)

    assert time.monotonic() - started < seconds
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert int(answer["Retry-After"]) > 0


class TestNobodyListens:
    @pytest.mark.parametrize(("method", "url", "body"), CALLS)
    def test_is_answered_503_in_time(self, staff, nobody_listens, method, url, body):
        assert_refused(staff, method, url, body, seconds=SECONDS)

    def test_is_answered_503_for_a_keyed_request(self, staff, nobody_listens):
        staff.defaults["HTTP_IDEMPOTENCY_KEY"] = "k"

        assert_refused(staff, "post", "/api/v1/products", NEW, seconds=SECONDS)

    def test_makes_catalog_alone_unready(self, api, nobody_listens, monkeypatch):
        monkeypatch.setattr(health, "_last", (float("-inf"), {}))
        monkeypatch.setitem(health.checks, "mongodb", connection.ping)

        answer = api.get("/readyz")

        assert (answer.status_code, answer.json()["checks"]["mongodb"]) == (503, "unreachable")

    @pytest.mark.parametrize("read", READINGS, ids=NAMES)
    def test_keeps_nobody_who_reads_all_of_it(self, nobody_listens, read):
        started = time.monotonic()

        with pytest.raises(ConnectionFailure):
            list(read())

        assert time.monotonic() - started < SECONDS

    def test_leaves_the_process_alive(self, api, nobody_listens):
        assert api.get("/livez").status_code == 200


class TestAllOfIt:
    @pytest.mark.parametrize("read", READINGS, ids=NAMES)
    def test_is_read_for_longer_than_a_request_would_wait(self, monkeypatch, read):
        def wait_as_a_request() -> None:
            raise AssertionError("a million products cannot be read in 2.5 s")

        services.create_product(product=a_lamp())
        monkeypatch.setattr(connection, "database", wait_as_a_request)
        monkeypatch.setattr(connection.store, "_database", wait_as_a_request)

        list(read())

        assert connection.database_read_whole().client.options.timeout is None


class TestFrozen:
    @pytest.mark.parametrize(("method", "url", "body"), [CALLS[0], CALLS[2], CALLS[6]])
    def test_is_answered_503_in_time(self, staff, frozen, method, url, body):
        assert_refused(staff, method, url, body, seconds=SECONDS)

    def test_ends_a_transaction_in_time(self, frozen):
        started = time.monotonic()

        with pytest.raises((ConnectionFailure, ExecutionTimeout)):
            services.create_product(product=a_lamp(slug="other"))

        assert time.monotonic() - started < 6


class TestBusy:
    def test_is_answered_503_when_a_transaction_never_gets_its_turn(self, staff):
        log = connection.database()["event_log_position"]
        with log.database.client.start_session() as session, session.start_transaction():
            log.update_one({"_id": "last"}, {"$set": {"held": True}}, session=session)

            assert_refused(staff, "post", "/api/v1/products", NEW | {"variants": [{"sku": "NEW"}]}, seconds=7)


class TestOutOfTime:
    def test_lets_go_of_what_the_transaction_held(self):
        """The server would keep it for a minute, and whoever writes there next would wait."""
        types, within = connection.database()["product_types"], 0.3

        def dawdle() -> None:
            types.update_one({"slug": "lamp"}, {"$set": {"name": "Held"}}, session=current_session())
            threading.Event().wait(2 * within)
            types.find_one({"slug": "lamp"}, session=current_session())

        with pytest.raises((ConnectionFailure, ExecutionTimeout)):
            connection.store.transact(dawdle, within=within)

        # A write of one document would be sent in the same session, under a new number, which ends what it began.
        assert types.update_many({"slug": "lamp"}, {"$set": {"name": "Free"}}).modified_count == 1
