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
    return address_behind(request.META.get("REMOTE_ADDR", ""), forwarded=request.headers.get("X-Forwarded-For", ""))


def address_behind(peer: str, *, forwarded: str) -> str:
    """The same of a peer's address and the header."""
    trusted = settings.TRUSTED_PROXIES
    if not trusted:
        return peer
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    return hops[-trusted] if len(hops) >= trusted else peer


def network_of(request: HttpRequest) -> str:
    """The client's address, or for IPv6 the /64 that one household or server has to itself."""
    return network_at(address_of(request))


def network_at(address: str) -> str:
    """The same of an address."""
    if ":" not in address:
        return address[:64]
    try:
        return str(ip_network(f"{address}/64", strict=False)) if ip_address(address).version == 6 else address
    except ValueError:
        return address[:64]
