"""Requests for services elsewhere, as the web process's application hands them over."""

import asyncio
import time
from functools import cache, partial
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from drf_spectacular.generators import SchemaGenerator
from rest_framework.exceptions import AuthenticationFailed

from nexus.contracts.errors import NexusError, Unavailable
from nexus.gateway.api.express import door, lines
from nexus.gateway.discovery import source_of
from nexus.gateway.documents import Document, join
from nexus.gateway.proxy import METHODS, Proxy, at_fault
from nexus.gateway.routes import LIMITED, Routes
from nexus.gateway.upstream.call import Asked, Caller, new_session
from nexus.gateway.upstream.service import Service
from nexus.web.aliases import real_path
from nexus.web.authentication import CHALLENGE
from nexus.web.express import Exchange, Reply
from nexus.web.express.lane import Forward, Send, pairs_in, refusal
from nexus.web.express.presence import Receive
from nexus.web.tokens import BadToken, verifier

SCHEMA = "/api/schema"
KEEP = 30.0
"""Seconds for which the joined document is good."""
WITHIN = 5.0


def services_of_settings() -> dict[str, Service]:
    """
    The services that ``NEXUS_SERVICES`` names.

    :raises ImproperlyConfigured: no route leads to one of them, or its addresses cannot be read
    """
    if unknown := sorted(settings.SERVICES.keys() - settings.ROUTES.values()):
        raise ImproperlyConfigured(f"NEXUS_SERVICES names {', '.join(unknown)}, to which no route leads")
    sources = {
        name: source_of(words, consul=settings.CONSUL_URL, eureka=settings.EUREKA_URL)
        for name, words in settings.SERVICES.items()
    }
    return {name: Service(name, source) for name, source in sources.items()}


# Read when the process starts: what is wrong with them must not wait for a customer to show it.
_services = services_of_settings()
_routes = Routes(settings.ROUTES)


def elsewhere(path: str) -> Forward | None:
    """What answers the path elsewhere; None when that is here, or nowhere."""
    if path.rstrip("/") == SCHEMA:
        return _schema
    service = _services.get(_routes.service_of(path) or "")
    return partial(_forward, service) if service else None


async def _forward(service: Service, exchange: Exchange, receive: Receive, send: Send) -> Reply | None:
    if exchange.scope["method"] not in METHODS:
        return Reply(status=405, body=b"", headers=[("Allow", ", ".join(sorted(METHODS)))])
    if why := at_fault(exchange):
        return refusal(why, exchange)
    if real_path(exchange.path).startswith(LIMITED) and (refused := await _at_the_door(exchange)):
        return refused
    return await _proxy().answer(service, exchange, receive=receive, send=send, own=list(pairs_in(lines(exchange))))


async def _at_the_door(exchange: Exchange) -> Reply | None:
    """Everybody is counted; a token that is none is refused, and counts as the address it came from."""
    why = await _token_at_fault(exchange)
    if refused := await door(exchange):
        return refused
    if why is None:
        return None
    failure = AuthenticationFailed(f"The access token is {why}.", code="invalid_token")
    failure.auth_header = CHALLENGE  # type: ignore[attr-defined]
    return refusal(failure, exchange)


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


async def _schema(exchange: Exchange, receive: Receive, send: Send) -> Reply | None:
    """The documents of all services and of what is here, joined; for programs and the docs page alike."""
    if exchange.scope["method"] not in ("GET", "HEAD"):
        return Reply(status=405, body=b"", headers=[("Allow", "GET, HEAD")])
    if refused := await door(exchange):
        return refused
    body = await _joined.get(host=exchange.headers.get("host", "localhost"))
    return Reply(status=200, body=body, content_type="application/vnd.oai.openapi+json")


class JoinedDocument:
    """Asked for anew when it is too old, once at a time."""

    def __init__(self) -> None:
        self._body, self._until = b"", float("-inf")
        self._lock = asyncio.Lock()

    async def get(self, *, host: str) -> bytes:
        """The document as JSON; `host` is what the services are asked as."""
        async with self._lock:
            if time.monotonic() > self._until:
                services = _services
                found = await asyncio.gather(*(_document_of(service, host) for service in services.values()))
                documents = {name: document for name, document in zip(services, found, strict=True) if document}
                here = await asyncio.get_running_loop().run_in_executor(None, _own_document)
                missing = sorted(services.keys() - documents.keys())
                self._body = msgspec.json.encode(join({"here": here} | documents, missing=missing))
                self._until = time.monotonic() + (WITHIN if missing else KEEP)
            return self._body


_joined = JoinedDocument()


async def _document_of(service: Service, host: str) -> Document | None:
    deadline = asyncio.get_running_loop().time() + WITHIN
    headers = [("Accept", "application/vnd.oai.openapi+json"), ("Host", host)]
    asked = Asked(method="GET", target=SCHEMA, headers=headers, body=b"", deadline=deadline)
    try:
        async with _proxy().caller.asking(service, asked) as answer:
            body = b"".join([piece async for piece in answer.pieces()])
            found: Any = msgspec.json.decode(body) if answer.status == 200 else None
    except (NexusError, msgspec.DecodeError):
        return None
    return found if isinstance(found, dict) else None


def _own_document() -> Document:
    document: Document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


@cache
def _proxy() -> Proxy:
    """One for the process; made when first needed, for connections belong to the event loop."""
    return Proxy(Caller(new_session()), timeouts=settings.SERVICE_SECONDS)
