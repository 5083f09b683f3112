"""
A process and its registry. No Consul and no Eureka run here: a small server keeps what it is told, as their
documentation says they take it.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from nexus.web.registration import Consul, Eureka, Registration, of_settings
from tests.eventually import eventually

Told = list[tuple[str, str, Any]]


class Registry(ThreadingHTTPServer):
    """Keeps what it was told; `unknown` are requests that it answers 404 until somebody has entered."""

    daemon_threads = True

    def __init__(self) -> None:
        self.told: Told = []
        self.knows = False
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.told.append((self.command, self.path, json.loads(body) if body else None))
        known = self.server.knows or "/apps/" not in self.path or self.command == "POST"
        self.server.knows |= self.command == "POST"
        self.send_response(self.server.status if known else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PUT = do_POST = do_DELETE = _take  # noqa: N815  names that the standard library wants

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[Registry]:
    server = Registry()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


OWN = {"name": "orders", "address": "http://10.0.0.7:8000", "identity": "orders-1"}


def test_consul_is_told_where_to_look_and_when_it_is_over(registry: Registry) -> None:
    registration = Registration(Consul(url=registry.url, **OWN))
    registration.begin()
    eventually(lambda: registry.told)
    registration.end()

    (method, path, service), *_, last = registry.told
    assert (method, path) == ("PUT", "/v1/agent/service/register?replace-existing-checks=true")
    assert (service["ID"], service["Name"], service["Address"], service["Port"]) == (
        "orders-1",
        "orders",
        "10.0.0.7",
        8000,
    )
    assert service["Check"]["HTTP"] == "http://10.0.0.7:8000/readyz"
    assert last[:2] == ("PUT", "/v1/agent/service/deregister/orders-1")


def test_eureka_is_entered_once_and_then_given_signs_of_life(registry: Registry) -> None:
    registration = Registration(Eureka(url=registry.url, **OWN), every=0.01)
    registration.begin()
    eventually(lambda: len(registry.told) > 3)
    registration.end()

    own = "/apps/ORDERS/orders-1"
    assert [told[:2] for told in registry.told[:3]] == [("PUT", own), ("POST", "/apps/ORDERS"), ("PUT", own)]
    assert registry.told[1][2]["instance"]["port"] == {"$": 8000, "@enabled": "true"}
    assert registry.told[-1][:2] == ("DELETE", own)
    assert sum(method == "POST" for method, _, _ in registry.told) == 1


def test_a_registry_that_fails_is_asked_again(registry: Registry) -> None:
    registry.status = 500
    registration = Registration(Consul(url=registry.url, **OWN), every=0.01)
    registration.begin()
    eventually(lambda: len(registry.told) >= 2)
    registration.end()


@pytest.mark.parametrize(
    "given", ["orders@10.0.0.7:8000", "consul://10.0.0.7:8000", "consul://orders@10.0.0.7", "zk://a@b:1"]
)
def test_says_what_it_cannot_read(given: str, settings: Any) -> None:
    settings.REGISTER, settings.CONSUL_URL = given, "http://consul:8500"

    with pytest.raises(ImproperlyConfigured):
        of_settings()


def test_needs_to_know_where_the_registry_is(settings: Any) -> None:
    settings.REGISTER, settings.CONSUL_URL = "consul://orders@10.0.0.7:8000", ""

    with pytest.raises(ImproperlyConfigured):
        of_settings()


def test_nobody_registers_unasked() -> None:
    assert of_settings() is None
