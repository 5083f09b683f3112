"""Who a request counts for: the customer or client of its token, else its address."""

from hashlib import sha256

from django.conf import settings
from django.http import HttpRequest

from nexus.contracts.errors import Unavailable
from nexus.web.tokens import BadToken, verifier


def caller_of(request: HttpRequest) -> str:
    """A name for counting; it reveals no token and no address to whoever reads Redis' keys."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        try:
            return f"customer:{verifier.claims(token)['sub']}"
        except (BadToken, Unavailable):
            pass
    return f"address:{sha256(address_of(request).encode()).hexdigest()[:24]}"


def address_of(request: HttpRequest) -> str:
    """
    The client's address: the peer's own, or what the trusted proxies in front appended to ``X-Forwarded-For``.

    Counted from the right: whatever stands further left was written by whoever wanted to be somebody else.
    """
    peer: str = request.META.get("REMOTE_ADDR", "")
    trusted = settings.TRUSTED_PROXIES
    if not trusted:
        return peer
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    return hops[-trusted] if len(hops) >= trusted else peer
