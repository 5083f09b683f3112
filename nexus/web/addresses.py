"""Where a request comes from."""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """
    The client's address: the peer's own, or what the trusted proxies in front appended to ``X-Forwarded-For``.

    Counted from the right: whatever stands further left was written by whoever wanted to be somebody else. A header
    with fewer hops than there are proxies did not come through them, so the peer counts.
    """
    peer: str = request.META.get("REMOTE_ADDR", "")
    trusted = settings.TRUSTED_PROXIES
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    return hops[-trusted] if trusted and len(hops) >= trusted else peer


def network_of(request: HttpRequest) -> str:
    """The client's address, or for IPv6 the /64 that one household or server has to itself."""
    address = address_of(request)
    try:
        return str(ip_network(f"{address}/64", strict=False)) if ip_address(address).version == 6 else address
    except ValueError:
        return address[:64]
