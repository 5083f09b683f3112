"""Requests for services elsewhere, as the web process's application hands them over."""

import asyncio
from functools import cache

from django.conf import settings
from rest_framework.exceptions import AuthenticationFailed

from nexus.contracts.errors import Unavailable
from nexus.gateway.api.express import door, headers_of
from nexus.gateway.discovery import source_of
from nexus.gateway.proxy import METHODS, Proxy
from nexus.gateway.routes import LIMITED, Routes, real_path
from nexus.gateway.upstream.call import Caller, new_session
from nexus.gateway.upstream.service import Service
from nexus.web.authentication import CHALLENGE
from nexus.web.express import Exchange, Reply
from nexus.web.express.lane import Forward, Receive, Send, refusal
from nexus.web.tokens import BadToken, verifier


def elsewhere(path: str) -> Forward | None:
    """What answers the path elsewhere; None when that is here, or nowhere."""
    return _forward if _routes().service_of(path) in settings.SERVICES else None


async def _forward(exchange: Exchange, receive: Receive, send: Send) -> Reply | None:
    if exchange.scope["method"] not in METHODS:
        return Reply(status=405, body=b"", headers=[("Allow", ", ".join(sorted(METHODS)))])
    if real_path(exchange.path).startswith(LIMITED) and (refused := await _at_the_door(exchange)):
        return refused
    proxy = _proxy()
    service = proxy.service_of(exchange.path)
    assert service is not None
    return await proxy.answer(service, exchange, receive=receive, send=send, own=list(headers_of(exchange)))


async def _at_the_door(exchange: Exchange) -> Reply | None:
    """A token that is none is refused before it counts as anybody; then everybody is counted."""
    if why := await _token_at_fault(exchange):
        failure = AuthenticationFailed(f"The access token is {why}.", code="invalid_token")
        failure.auth_header = CHALLENGE  # type: ignore[attr-defined]
        return await door(exchange) or refusal(failure, exchange)
    return await door(exchange)


async def _token_at_fault(exchange: Exchange) -> BadToken | None:
    scheme, _, token = exchange.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or exchange.claims() is not None:
        return None
    try:
        # Keys may have to be fetched first, from accounts; while they cannot be had the services decide.
        await asyncio.get_running_loop().run_in_executor(None, verifier.claims, token.strip())
    except BadToken as why:
        return why
    except Unavailable:
        return None
    exchange.forget_claims()
    return None


@cache
def _routes() -> Routes:
    return Routes(settings.ROUTES)


@cache
def _proxy() -> Proxy:
    """One for the process; made when first needed, for connections belong to the event loop."""
    sources = {
        name: source_of(words, consul=settings.CONSUL_URL, eureka=settings.EUREKA_URL)
        for name, words in settings.SERVICES.items()
    }
    services = {name: Service(name, source) for name, source in sources.items()}
    return Proxy(_routes(), services, Caller(new_session()), timeouts=settings.SERVICE_SECONDS)
