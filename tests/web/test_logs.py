"""Log lines for machines: what is in them, and what never is."""

import asyncio
import json
import logging
import sys
from typing import Any

import pytest

from nexus.contracts.correlation import Cause, caused_by
from nexus.web.express.lane import Lane
from nexus.web.express.ordinary import Ordinary
from nexus.web.logs import EcsFormatter, Journal, line_of, network_of, route_of
from tests.scopes import scope
from tests.web.test_express import Client, fast

FIRST = ["@timestamp", "log.level", "message", "ecs.version"]
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


def noted(status: int = 200, **more: Any) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(line_of(scope(**more), status=status, seconds=0.0125, identity="abc"))
    return line


class TestRequests:
    def test_begin_as_the_specification_wants(self) -> None:
        assert list(noted())[:4] == FIRST

    def test_say_what_was_asked_and_how_it_went(self) -> None:
        line = noted(404, path="/api/v1/orders/7", method="DELETE", headers=[("traceparent", TRACE)])

        assert (line["http.request.method"], line["url.path"]) == ("DELETE", "/api/v1/orders/7")
        assert (line["http.response.status_code"], line["event.outcome"]) == (404, "success")
        assert (line["event.duration"], line["labels.route"]) == (12_500_000, "/api/v1/orders/*")
        assert (line["labels.correlation_id"], line["trace.id"]) == ("abc", "a" * 32)

    @pytest.mark.parametrize("status", [500, 503, 0])
    def test_call_a_failure_one(self, status: int) -> None:
        line = noted(status)

        assert (line["log.level"], line["event.outcome"]) == ("error", "failure")

    def test_tell_nothing_personal(self) -> None:
        headers = [("authorization", "Bearer secret"), ("cookie", "sessionid=secret")]
        line = line_of(scope(headers=headers, query="email=secret"), status=200, seconds=0, identity="abc")

        assert b"secret" not in line
        assert json.loads(line)["client.ip"] == "10.0.0.0"

    def test_are_one_each_whichever_way_they_took(self) -> None:
        written: list[bytes] = []
        journal = Journal(write=written.append)
        client = Client(fast, journal=journal)

        client.ask("/fast")
        client.ask("/other")
        journal.flush()

        lines = [json.loads(line) for line in b"".join(written).splitlines()]
        assert [line["message"] for line in lines] == ["GET /fast 200", "GET /other 200"]
        assert len(lines[0]["labels.correlation_id"]) == 32

    def test_are_noted_when_the_answer_breaks_off(self) -> None:
        written: list[bytes] = []
        journal = Journal(write=written.append)

        async def broken(_: Any) -> None:
            raise ConnectionResetError

        async def run() -> None:
            lane = Lane(routes=[], ordinary=Ordinary(lambda *_: [b""]), journal=journal)

            async def receive() -> Any:
                return {"type": "http.request", "body": b"", "more_body": False}

            with pytest.raises((ConnectionResetError, IndexError, KeyError)):
                await lane(scope("/other"), receive, broken)
            journal.flush()

        asyncio.run(run())
        assert json.loads(b"".join(written))["http.response.status_code"] == 0


class TestFormatter:
    def line(self, **more: Any) -> dict[str, Any]:
        record = logging.LogRecord("nexus.orders", logging.WARNING, "x.py", 1, "%d lines", (7,), more.get("exc_info"))
        line: dict[str, Any] = json.loads(EcsFormatter().format(record))
        return line

    def test_begins_as_the_specification_wants(self) -> None:
        line = self.line()

        assert list(line)[:4] == FIRST
        assert (line["log.level"], line["message"], line["log.logger"]) == ("warning", "7 lines", "nexus.orders")

    def test_says_what_it_belongs_to(self) -> None:
        with caused_by(Cause(correlation_id="journey-1", traceparent=TRACE)):
            line = self.line()

        assert (line["labels.correlation_id"], line["trace.id"]) == ("journey-1", "a" * 32)

    def test_keeps_a_failure_in_one_line(self) -> None:
        try:
            raise ValueError("no\nnumber")
        except ValueError:
            line = self.line(exc_info=sys.exc_info())

        assert (line["error.type"], line["error.message"]) == ("ValueError", "no\nnumber")
        assert "Traceback" in line["error.stack_trace"]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/v1/orders", "/api/v1/orders"),
        ("/api/v1/orders/", "/api/v1/orders"),
        ("/api/v1/orders/0192/cancel", "/api/v1/orders/*/*"),
        ("/api/v1/inventory/stock/A/b/c/d/e", "/api/v1/inventory/*/*/*"),
        ("/admin/orders/order/", "/admin/*/*"),
        ("/", "/"),
        ("/wp-login.php", "other"),
    ],
)
def test_routes_are_few(path: str, route: str) -> None:
    assert route_of(path) == route


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", "192.0.2.0"), ("2001:db8:1:2::3", "2001:db8:1::"), ("", ""), ("unix:", "")],
)
def test_of_an_address_the_network_is_told(address: str, network: str) -> None:
    assert network_of(address) == network
