"""What the gateway refuses."""

from nexus.contracts.errors import Invalid, TooMany


class RateLimited(TooMany):
    """Too many requests in too short a time."""

    code = "rate_limited"


class UrlTooLong(Invalid):
    """The URL is too long."""

    code = "url_too_long"


class HeadersTooLarge(Invalid):
    """There are too many headers, or one is too long."""

    code = "headers_too_large"
