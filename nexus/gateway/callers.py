"""Who a request counts for: the customer or client of its token, else its address."""

from hashlib import sha256

from django.http import HttpRequest

from nexus.contracts.errors import Unavailable
from nexus.web.addresses import network_of
from nexus.web.tokens import BadToken, verifier


def caller_of(request: HttpRequest) -> str:
    """A name for counting; it reveals no token and no address to whoever reads Redis' keys."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        try:
            return f"customer:{verifier.claims(token)['sub']}"
        except (BadToken, Unavailable):
            pass
    return f"address:{sha256(network_of(request).encode()).hexdigest()[:24]}"
