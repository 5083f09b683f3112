"""Where a request comes from."""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest


def network_of(request: HttpRequest) -> str:
    """
    The caller's address, or for IPv6 the /64 that one household or server has to itself.

    Of ``X-Forwarded-For`` only what our own proxies appended counts, read from the right: the rest is whatever the
    caller wrote there.
    """
    hops = [request.META.get("REMOTE_ADDR", "")]
    if settings.TRUSTED_PROXIES:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()] or hops
    address = hops[-min(len(hops), settings.TRUSTED_PROXIES or 1)]
    try:
        return str(ip_network(f"{address}/64", strict=False)) if ip_address(address).version == 6 else address
    except ValueError:
        return address[:64]
