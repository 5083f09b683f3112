"""Asking the web process's own application, in this process, with all its parts behind it."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from django.db import connections
from django_redis import get_redis_connection

from nexus.asgi import application
from nexus.orders.api.refusals import desk
from nexus.orders.api.waiting import counter
from nexus.orders.selectors import looking
from nexus.orders.services import together
from nexus.web.express import known, pipe
from tests.conftest import Bearer
from tests.scopes import scope

T = TypeVar("T")
ITS_OWN = {"x-request-id", "content-length", "location", "etag"}
OWN_FIELDS = {"id", "number", "placed_at", "updated_at"}


def forget_connections() -> None:
    """Those of an event loop that is gone."""
    pipe.redis.cache_clear()
    known.known.cache_clear()


class Asked:
    """Asks the web process's own application, and counts what goes the ordinary way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ordinarily = 0
        answer = application._ordinary.answer

        async def counted(*args: Any, **more: Any) -> None:
            self.ordinarily += 1
            await answer(*args, **more)

        monkeypatch.setattr(application._ordinary, "answer", counted)

    def __call__(self, *requests: dict[str, Any]) -> list[tuple[int, dict[str, str], Any]]:
        """One after the other, or, as lists within the list, at the same time."""

        async def all_of_them() -> list[Any]:
            forget_connections()
            return [await ask(request) for request in requests]

        return asyncio.run(all_of_them())


async def ask(request: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    request = dict(request)
    body, path = request.pop("body", b""), request.pop("path")
    headers = [("host", "localhost"), ("content-length", str(len(body))), *request.pop("headers", [])]
    said: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    await application(scope(path, headers=headers, **request), receive, send)
    told = b"".join(message.get("body", b"") for message in said[1:])
    got = {name.decode(): value.decode() for name, value in said[0]["headers"]}
    return said[0]["status"], got, json.loads(told) if told else None


@pytest.fixture
def asked(traded: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    get_redis_connection("default").delete("products:generation")
    yield Asked(monkeypatch)
    forget_connections()
    desk._sold_out.clear()
    looking.line.hang_up()
    together.line.hang_up()
    counter._writer.submit(connections.close_all).result()


def shape(answer: tuple[int, dict[str, str], Any], *, without: set[str] = ITS_OWN) -> Any:
    """What does not differ from request to request."""
    status, headers, body = answer
    kept = {name: value for name, value in headers.items() if name not in without}
    body = {name: value for name, value in body.items() if name not in OWN_FIELDS | {"trace_id"}} if body else body
    return status, kept, body


@pytest.fixture
def order(bearer: Bearer) -> Any:
    """A request that places an order."""
    token = bearer()["HTTP_AUTHORIZATION"]

    def make(body: Any = None, *more: tuple[str, str], **other: Any) -> dict[str, Any]:
        wanted = body if isinstance(body, bytes) else json.dumps(body or {"lines": [{"sku": "LAMP", "quantity": 1}]})
        headers = [("content-type", "application/json"), ("authorization", token), *more]
        encoded = wanted if isinstance(wanted, bytes) else wanted.encode()
        return {"method": "POST", "path": "/api/v1/orders", "body": encoded, "headers": headers} | other

    return make


def in_a_new_loop(scene: Coroutine[Any, Any, T]) -> T:
    forget_connections()
    return asyncio.run(scene)
