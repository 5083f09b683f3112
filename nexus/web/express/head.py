"""What the headers of a request say."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from nexus.web.deadlines import DEADLINE
from nexus.web.middleware import ACCEPTED_ID
from nexus.web.server import MEMORY

MOST_HEADERS, LONGEST_HEADER = 100, 8192
JSON = "application/json"
ANY_JSON, WAITS = JSON.encode(), DEADLINE.encode()
USUAL = {b"", ANY_JSON, b"*/*"}
SESSIONS = "django.contrib.sessions" in settings.INSTALLED_APPS
Raw = Sequence[tuple[bytes, bytes]]


class Head:
    """
    The headers of a request, or of several: a client repeats most of what it says with each request on a connection,
    and what it repeats is read once.
    """

    __slots__ = (
        "_headers",
        "accounts",
        "given_id",
        "has_token",
        "host",
        "is_anonymous",
        "is_orderly",
        "is_plain",
        "named",
        "raw",
        "vary",
        "waits",
    )

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.named = named = dict(raw)
        """By name, in small letters, as they came."""
        self._headers: Mapping[str, str] | None = None
        self.given_id = _id_in(named)
        self.is_orderly = len(named) == len(raw) <= MOST_HEADERS and _are_short(named)
        """Whether none comes twice, and none is too long."""
        self.is_plain = self.is_orderly and _accepts_json(named)
        """Whether nothing about them needs a second look."""
        self.has_token = b"authorization" in named
        self.is_anonymous = not self.has_token and b"cookie" not in named
        """Whether nothing says who is asking; a browser's session would be in a cookie."""
        self.vary = "Accept" if self.has_token or not SESSIONS else "Accept, Cookie"
        """What of the request an answer depends on: without a token a session is looked for, where there are any."""
        self.waits = WAITS in named
        """Whether it says how long its sender waits."""
        plain = self.is_plain and self.is_anonymous and not self.waits and b"if-none-match" not in named
        self.host = named.get(b"host") if plain else None
        """Whom it asks, where nothing else in it makes a difference to a public answer."""
        self.accounts: dict[str, Any] = {}
        """What the door knows of those whom requests with this head count for."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The same as text."""
        if self._headers is None:
            self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.named.items()}
        return self._headers

    def text(self, name: bytes) -> str | None:
        """One of them as text; None where it was not sent."""
        value = self.named.get(name)
        return None if value is None else value.decode("latin-1")


def head_of(scope: Mapping[str, Any]) -> Head:
    """The head of a request."""
    memory, raw = scope.get(MEMORY), scope["headers"]
    if memory is None:
        return Head(raw)
    head: Head | None = memory.get("head")
    if head is None or head.raw != raw:
        head = memory["head"] = Head(raw)
    return head


def _id_in(named: Mapping[bytes, bytes]) -> str:
    given = named.get(b"x-request-id")
    text = given.decode("latin-1") if given else ""
    return text if text and ACCEPTED_ID.fullmatch(text) else ""


def _are_short(named: Mapping[bytes, bytes]) -> bool:
    # One look at all of them is enough for nearly everybody.
    return len(b"".join(named.values())) <= LONGEST_HEADER or max(map(len, named.values())) <= LONGEST_HEADER


def _accepts_json(named: Mapping[bytes, bytes]) -> bool:
    accept = named.get(b"accept", b"")
    return accept in USUAL or ((b"*/*" in accept or ANY_JSON in accept) and b"text/html" not in accept)
