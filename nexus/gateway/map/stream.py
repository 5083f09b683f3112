"""The map's stream: server-sent events on the event loop, for staff alone."""

import asyncio
from contextlib import suppress
from functools import cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import connections
from django.http import HttpRequest, HttpResponse, parse_cookie
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated

from nexus.contracts.errors import Forbidden, NotFound
from nexus.gateway.map.audience import Audience, TooManyWatch, Watcher
from nexus.gateway.map.snapshot import Look
from nexus.web.express import Exchange, Reply
from nexus.web.express.lane import SECURITY, Send, refusal
from nexus.web.express.presence import Receive, while_there

CHALLENGE = 'Cookie realm="staff", form-action="/admin/login/", cookie-name="{name}"'
AGAIN = b"retry: 2000\n\n"
"""Milliseconds after which a browser that lost the stream asks for it again."""
HEARTBEAT = 15.0
STILL_HERE = b": still here\n\n"
LONGEST = 5.0
"""
Seconds; then the browser comes again. It shows once more who it is, and a server that is to stop, which lets every
answer end, waits no longer than that for those who watch.
"""
COMES_AGAIN = b"again"
"""The query of who has the past already."""
SHORTLY = 1.0
COME_AGAIN = b"event: again\ndata: {}\n\n"
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


@cache
def audience() -> Audience:
    """One for the process."""
    return Audience(Look)


async def watch(exchange: Exchange, receive: Receive, send: Send) -> Reply | None:
    """Show the map until the client leaves; the reply that refuses it, when it may not see it."""
    if why := await _objection(exchange):
        return refusal(why, exchange)
    try:
        watcher = audience().join(knows_past=exchange.query == COMES_AGAIN)
    except TooManyWatch as why:
        return refusal(why, exchange)
    try:
        await _show(exchange, watcher, receive, send)
    finally:
        audience().leave(watcher)
    return None


async def _objection(exchange: Exchange) -> Exception | None:
    if not apps.is_installed("django.contrib.admin"):
        return NotFound()
    if exchange.scope["method"] != "GET":
        return MethodNotAllowed(exchange.scope["method"])
    cookies = "; ".join(value.decode("latin-1") for name, value in exchange.scope["headers"] if name == b"cookie")
    return await asyncio.get_running_loop().run_in_executor(None, objection_to, cookies)


def objection_to(cookies: str) -> Exception | None:
    """Why whoever sent these cookies may not watch; None for staff."""
    request = HttpRequest()
    request.COOKIES = parse_cookie(cookies)
    SessionMiddleware(lambda _: HttpResponse()).process_request(request)
    try:
        customer: Any = get_user(request)
    finally:
        connections.close_all()
    if not customer.is_authenticated:
        failure = NotAuthenticated("Log in as staff.")
        failure.auth_header = CHALLENGE.format(name=settings.SESSION_COOKIE_NAME)  # type: ignore[attr-defined]
        return failure
    return None if customer.is_active and customer.is_staff else Forbidden("The map is for staff.")


async def _show(exchange: Exchange, watcher: Watcher, receive: Receive, send: Send) -> None:
    headers = [*HEADERS, *SECURITY, (b"x-request-id", exchange.identity.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    try:
        async with asyncio.timeout(LONGEST):
            await while_there(receive, _tell(watcher, send))
    except TimeoutError:
        with suppress(TimeoutError):
            async with asyncio.timeout(SHORTLY):
                await send({"type": "http.response.body", "body": COME_AGAIN, "more_body": False})


async def _tell(watcher: Watcher, send: Send) -> None:
    await send({"type": "http.response.body", "body": AGAIN, "more_body": True})
    while True:
        message = await watcher.take(HEARTBEAT)
        await send({"type": "http.response.body", "body": message or STILL_HERE, "more_body": True})
