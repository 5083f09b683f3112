"""Which pages of other origins may call the API."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from nexus.web.express.cors import CrossOrigin
from tests.scopes import scope

SHOP = "https://shop.example"


def ask(path: str, *, origin: str = "", method: str = "GET", **more: str) -> tuple[int, list[tuple[bytes, bytes]]]:
    said: list[Any] = []

    async def application(_: Mapping[str, Any], __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"vary", b"Accept")]})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def send(message: Any) -> None:
        said.append(message)

    headers = [(name.replace("_", "-"), value) for name, value in more.items()]
    headers += [("origin", origin)] if origin else []
    asyncio.run(CrossOrigin(application, origins=[SHOP])(scope(path, method=method, headers=headers), None, send))
    return said[0]["status"], said[0]["headers"]


def test_a_page_that_may_is_told_so() -> None:
    status, headers = ask("/api/v1/products", origin=SHOP)

    assert status == 200
    assert (b"access-control-allow-origin", SHOP.encode()) in headers
    assert (b"vary", b"Origin") in headers
    assert not any(name == b"access-control-allow-credentials" for name, _ in headers)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "https://shop.example.evil", "http://shop.example", "https://SHOP.example", ""],
)
def test_any_other_is_not(origin: str) -> None:
    _, headers = ask("/api/v1/products", origin=origin)

    assert not any(name.startswith(b"access-control") for name, _ in headers)
    assert (b"vary", b"Origin") in headers, "a cache must not give it what another was told"


def test_a_browser_that_asks_first_is_answered_at_once() -> None:
    status, headers = ask("/api/v1/orders", origin=SHOP, method="OPTIONS", access_control_request_method="POST")
    told = dict(headers)

    assert status == 204
    assert b"POST" in told[b"access-control-allow-methods"]
    assert {b"Idempotency-Key", b"Last-Event-ID"} <= set(told[b"access-control-allow-headers"].split(b", "))


def test_options_without_that_question_go_to_the_view() -> None:
    assert ask("/api/v1/orders", origin=SHOP, method="OPTIONS")[0] == 200


@pytest.mark.parametrize("path", ["/admin/", "/login", "/oauth/authorize", "/livez"])
def test_pages_are_for_our_own_origin_alone(path: str) -> None:
    assert ask(path, origin=SHOP)[1] == [(b"vary", b"Accept")]


class Prompt:
    """Answers as soon as it is asked."""

    def answer_early(self, scope: Mapping[str, Any]) -> tuple[int, bytes, bytes] | None:
        return None if scope["path"].endswith("/unknown") else (200, b"vary: Accept\r\n", b"")

    def take_over(self, scope: Mapping[str, Any], body: bytes, answered: Callable[[Any], None]) -> bool:
        answered(self.answer_early(scope))
        return not scope["path"].endswith("/unknown")

    async def __call__(self, _: Mapping[str, Any], __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"vary", b"Accept")]})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.mark.parametrize("origin", [SHOP, "https://evil.example", ""])
@pytest.mark.parametrize("path", ["/api/v1/products", "/livez"])
def test_an_early_answer_tells_the_same(path: str, origin: str) -> None:
    asked = scope(path, headers=[("origin", origin)] if origin else [])

    early = CrossOrigin(Prompt(), origins=[SHOP]).answer_early(asked)

    assert early
    lines = [tuple(line.split(b": ", 1)) for line in early[1].splitlines()]
    assert sorted(lines) == sorted(ask(path, origin=origin)[1])


@pytest.mark.parametrize("origin", [SHOP, "https://evil.example", ""])
@pytest.mark.parametrize("path", ["/api/v1/orders", "/livez"])
def test_an_answer_to_what_was_taken_over_tells_the_same(path: str, origin: str) -> None:
    heard: list[Any] = []
    asked = scope(path, method="POST", headers=[("origin", origin)] if origin else [])

    assert CrossOrigin(Prompt(), origins=[SHOP]).take_over(asked, b"", heard.append)

    [(_, told, _)] = heard
    lines = [tuple(line.split(b": ", 1)) for line in told.splitlines()]
    assert sorted(lines) == sorted(ask(path, origin=origin, method="POST")[1])


def test_what_is_not_taken_over_stays() -> None:
    heard: list[Any] = []

    async def application(*_: Any) -> None:
        raise AssertionError

    assert not CrossOrigin(Prompt(), origins=[SHOP]).take_over(scope("/api/v1/unknown"), b"", heard.append)
    assert not CrossOrigin(application, origins=[SHOP]).take_over(scope("/api/v1/orders"), b"", heard.append)
    assert heard == [None]


def test_without_an_early_answer_there_is_none() -> None:
    async def application(*_: Any) -> None:
        raise AssertionError

    assert CrossOrigin(Prompt(), origins=[SHOP]).answer_early(scope("/api/v1/unknown")) is None
    assert CrossOrigin(application, origins=[SHOP]).answer_early(scope("/api/v1/products")) is None
