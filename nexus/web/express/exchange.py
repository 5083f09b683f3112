"""A request on the express lane, and the answer to it."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings

from nexus.contracts.correlation import Cause
from nexus.contracts.errors import Unavailable
from nexus.web.deadlines import DEADLINE, seconds_left
from nexus.web.middleware import ACCEPTED_ID, TRACEPARENT
from nexus.web.tokens import BadToken, verifier

Headers = list[tuple[str, str]]
MOST_HEADERS, LONGEST_HEADER, LONGEST_URL = 100, 8192, 8192
JSON = "application/json"
SESSIONS = "django.contrib.sessions" in settings.INSTALLED_APPS
encode = msgspec.json.encode


@dataclass(kw_only=True, slots=True)
class Reply:
    """An answer; `headers` beyond those that every answer has."""

    status: int
    body: bytes
    headers: Headers = field(default_factory=list)
    content_type: str = JSON


_ids: list[str] = []


def _new_id() -> str:
    """32 random hexadecimal digits; the system is asked for many at a time."""
    if not _ids:
        digits = secrets.token_hex(16 * 256)
        _ids.extend(digits[at : at + 32] for at in range(0, len(digits), 32))
    return _ids.pop()


class Exchange:
    """One request. What the handler decides about it later, such as who is calling, is kept with it."""

    __slots__ = (
        "_claims",
        "body",
        "door",
        "headers",
        "identity",
        "name",
        "path",
        "policy",
        "query",
        "scope",
        "verdict",
    )

    def __init__(self, scope: Mapping[str, Any], *, name: str, body: bytes) -> None:
        self.scope, self.name, self.body = scope, name, body
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        given = self.headers.get("x-request-id", "")
        self.identity = given if given and ACCEPTED_ID.fullmatch(given) else _new_id()
        self.verdict: Any = None
        self.policy: Any = None
        self._claims: Mapping[str, Any] | EllipsisType | None = ...
        self.door: Callable[[Exchange], Awaitable[Reply | None]]

    def admit(self) -> Awaitable[Reply | None]:
        """Count the request where that is done; the answer that refuses it, or None."""
        return self.door(self)

    @property
    def is_plain(self) -> bool:
        """Whether nothing about the request needs a second look."""
        headers = self.headers
        accept = headers.get("accept", "")
        return (
            len(headers) == len(self.scope["headers"]) <= MOST_HEADERS
            and max(map(len, headers.values()), default=0) <= LONGEST_HEADER
            and len(self.path) + len(self.query) < LONGEST_URL
            and (not accept or "*/*" in accept or JSON in accept)
            and "text/html" not in accept
        )

    @property
    def is_too_late(self) -> bool:
        """Whether nobody waits for the answer any more."""
        left = seconds_left(self.headers[DEADLINE]) if DEADLINE in self.headers else None
        return left is not None and left <= 0

    @property
    def cause(self) -> Cause:
        """What everything told because of this request carries."""
        trace = self.headers.get("traceparent", "")
        return Cause(correlation_id=self.identity, traceparent=trace if TRACEPARENT.fullmatch(trace) else "")

    @property
    def is_anonymous(self) -> bool:
        """Whether nothing says who is asking; a browser's session would be in a cookie."""
        return "authorization" not in self.headers and "cookie" not in self.headers

    @property
    def vary(self) -> str:
        """What of the request an answer depends on: without a token a session is looked for, where there are any."""
        return "Accept" if "authorization" in self.headers or not SESSIONS else "Accept, Cookie"

    def claims(self) -> Mapping[str, Any] | None:
        """What a good token says; None without one, or when it cannot be told at once."""
        if self._claims is ...:
            self._claims = self._verified()
        return self._claims

    def forget_claims(self) -> None:
        """Look at the token again: the keys to verify it may be there now."""
        self._claims = ...

    def _verified(self) -> Mapping[str, Any] | None:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        try:
            return verifier.claims_at_once(token.strip())
        except (BadToken, Unavailable):
            return None

    def customer_with(self, scope: str) -> UUID | None:
        """The customer whose token allows `scope`."""
        claims = self.claims()
        if claims is None or scope not in claims["scope"].split() or claims["sub"] == claims["client_id"]:
            return None
        try:
            return UUID(claims["sub"])
        except ValueError:
            return None

    def has(self, tag: str) -> bool:
        """Whether the client has this state already (``If-None-Match``)."""
        wanted = self.headers.get("if-none-match")
        if wanted is None:
            return False
        tags = [each.strip().removeprefix("W/") for each in wanted.split(",")]
        return "*" in tags or tag in tags
