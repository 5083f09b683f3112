"""The health check of processes that listen on no port."""

import runpy
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.deploy.tools import REPOSITORY
from tests.eventually import eventually

SCRIPT = REPOSITORY / "deploy" / "image" / "connected.py"


def status(*words: int | str, **environment: str) -> int:
    command = [sys.executable, SCRIPT, *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, env=environment or None).returncode


@pytest.fixture(params=["127.0.0.1", "::1"])
def server(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as listening:
        yield listening


class TestConnected:
    def test_is_unhealthy_while_the_server_only_listens(self, server: socket.socket) -> None:
        assert status(server.getsockname()[1]) == 1

    def test_is_healthy_while_a_connection_is_open(self, server: socket.socket) -> None:
        with socket.create_connection(server.getsockname()[:2]):
            assert status(server.getsockname()[1]) == 0

    def test_is_unhealthy_once_the_server_has_hung_up(self, server: socket.socket) -> None:
        port = server.getsockname()[1]
        with socket.create_connection(server.getsockname()[:2]):
            server.accept()[0].close()

            eventually(lambda: status(port) == 1, within=5)

    def test_wants_a_connection_to_each_port_named(self, server: socket.socket) -> None:
        with socket.create_connection(server.getsockname()[:2]), socket.create_server(("127.0.0.1", 0)) as other:
            assert status(server.getsockname()[1], other.getsockname()[1]) == 1

    def test_knows_where_events_come_from(self, server: socket.socket) -> None:
        here, there = server.getsockname()[1], 1
        rabbit = {"NEXUS_EVENT_BUS": "celery", "NEXUS_BROKER_URL": f"amqp://nexus@broker:{here}//"}
        kafka = {"NEXUS_EVENT_BUS": "kafka", "NEXUS_BROKER_URL": f"amqp://nexus@broker:{there}//"}
        with socket.create_connection(server.getsockname()[:2]):
            assert status("bus", **rabbit) == 0
            assert status("bus", **rabbit | {"NEXUS_BROKER_URL": f"amqp://nexus@broker:{there}//"}) == 1
            assert status("bus", **kafka, NEXUS_KAFKA_SERVERS=f"one:{there},two:{here}") == 0
            assert status("bus", **kafka, NEXUS_KAFKA_SERVERS=f"one:{there}") == 1

    def test_knows_the_port_that_goes_without_saying(self) -> None:
        ports_of_bus = runpy.run_path(str(SCRIPT))["ports_of_bus"]

        assert ports_of_bus({"NEXUS_EVENT_BUS": "celery", "NEXUS_BROKER_URL": "amqp://nexus@broker//"}) == {5672}
