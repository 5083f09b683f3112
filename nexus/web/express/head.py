"""What the headers of a request say."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from nexus.web.deadlines import DEADLINE
from nexus.web.middleware import ACCEPTED_ID
from nexus.web.server import MEMORY

MOST_HEADERS, LONGEST_HEADER = 100, 8192
JSON = "application/json"
SESSIONS = "django.contrib.sessions" in settings.INSTALLED_APPS
Raw = Sequence[tuple[bytes, bytes]]


class Head:
    """
    The headers of a request, or of several: a client repeats most of what it says with each request on a connection,
    and what it repeats is read once.
    """

    __slots__ = ("accounts", "given_id", "has_token", "headers", "is_anonymous", "is_plain", "raw", "vary", "waits")

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.headers = headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in raw}
        given = headers.get("x-request-id", "")
        self.given_id = given if given and ACCEPTED_ID.fullmatch(given) else ""
        self.is_plain = len(headers) == len(raw) <= MOST_HEADERS and _is_plain(headers)
        """Whether nothing about them needs a second look."""
        self.has_token = "authorization" in headers
        self.is_anonymous = not self.has_token and "cookie" not in headers
        """Whether nothing says who is asking; a browser's session would be in a cookie."""
        self.vary = "Accept" if self.has_token or not SESSIONS else "Accept, Cookie"
        """What of the request an answer depends on: without a token a session is looked for, where there are any."""
        self.waits = DEADLINE in headers
        """Whether it says how long its sender waits."""
        self.accounts: dict[str, Any] = {}
        """What the door knows of those whom requests with this head count for."""


def head_of(scope: Mapping[str, Any]) -> Head:
    """The head of a request."""
    memory, raw = scope.get(MEMORY), scope["headers"]
    if memory is None:
        return Head(raw)
    head: Head | None = memory.get("head")
    if head is None or head.raw != raw:
        head = memory["head"] = Head(raw)
    return head


def _is_plain(headers: Mapping[str, str]) -> bool:
    accept = headers.get("accept", "")
    return (
        max(map(len, headers.values()), default=0) <= LONGEST_HEADER
        and (not accept or "*/*" in accept or JSON in accept)
        and "text/html" not in accept
    )
