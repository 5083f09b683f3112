"""What the gateway refuses."""

from nexus.contracts.errors import Invalid, TooMany, Unavailable


class RateLimited(TooMany):
    """Too many requests in too short a time."""

    code = "rate_limited"


class UrlTooLong(Invalid):
    """The URL is too long."""

    code = "url_too_long"


class HeadersTooLarge(Invalid):
    """There are too many headers, or one is too long."""

    code = "headers_too_large"


class NoInstance(Unavailable):
    """No instance of the service may be asked now."""

    def __init__(self, message: str = "", *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServiceFull(Unavailable):
    """The service has as many requests as it may have."""

    code = "busy"
    retry_after = 1


class NotReached(Unavailable):
    """No instance of the service took the request."""

    retry_after = 1


class PathNotCanonical(Invalid):
    """The path has parts that servers read differently: empty ones, dots, backslashes, encoded slashes."""

    code = "path_not_canonical"
