"""Who a request counts for: the customer or client of its token, else its address."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from django.http import HttpRequest

from nexus.contracts.errors import Unavailable
from nexus.web.addresses import address_behind, address_of, network_at
from nexus.web.tokens import BadToken, verifier


def caller_of(request: HttpRequest) -> str:
    """A name for counting; it reveals no token and no address to whoever reads Redis' keys."""
    claims = claims_of(request)
    return customer(claims["sub"]) if claims else _at(address_of(request))


def claims_of(request: HttpRequest) -> Mapping[str, Any] | None:
    """What a good token says; None without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        return verifier.claims(token)
    except (BadToken, Unavailable):
        return None


def customer(subject: str) -> str:
    """The name of whoever a good token is about."""
    return f"customer:{subject}"


def caller_at(peer: str, *, forwarded: str) -> str:
    """The name of whoever has none, by the peer's address and ``X-Forwarded-For``."""
    return _at(address_behind(peer, forwarded=forwarded))


@lru_cache(maxsize=10_000)
def _at(address: str) -> str:
    return f"address:{sha256(network_at(address).encode()).hexdigest()[:24]}"
