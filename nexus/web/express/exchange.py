"""A request on the express lane, and the answer to it."""

import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import EllipsisType
from typing import Any
from uuid import UUID

import msgspec

from nexus.contracts.correlation import Cause
from nexus.contracts.errors import Unavailable
from nexus.web.deadlines import DEADLINE, seconds_left
from nexus.web.express.head import JSON, head_of
from nexus.web.middleware import TRACEPARENT
from nexus.web.server import TURN
from nexus.web.server.turns import Turn
from nexus.web.tokens import BadToken, verifier

Headers = list[tuple[str, str]]
LONGEST_URL = 8192
BEGUN = "nexus.exchange"
"""Where a scope has the exchange, if somebody began to handle the request already. No header can write there."""
encode = msgspec.json.encode


@dataclass(kw_only=True, slots=True)
class Reply:
    """
    An answer; `headers` beyond those that every answer has. Nobody changes one: it may be given again.

    `lines` are those of its head as they go out, once they have been put together, by whether there was a token.
    With `pieces` it is given once: they follow the body as they come, and are closed when the client leaves.
    """

    status: int
    body: bytes
    headers: Headers = field(default_factory=list)
    content_type: str = JSON
    lines: dict[bool, bytes] = field(default_factory=dict)
    pieces: AsyncGenerator[bytes, None] | None = None


class Tagged:
    """A state of something, to be told to whoever does not have it yet."""

    __slots__ = ("_tag", "_unchanged", "_whole")

    def __init__(self, tag: str, body: bytes) -> None:
        self._tag = tag
        self._whole = Reply(status=200, body=body, headers=[("ETag", tag)])
        self._unchanged = Reply(status=304, body=b"", headers=[("ETag", tag)])

    def for_(self, exchange: "Exchange") -> Reply:
        """The state, or that it is the one that the client has (``If-None-Match``, RFC 9110, section 13.1.2)."""
        return self._unchanged if exchange.has(self._tag) else self._whole


@lru_cache(maxsize=10_000)
def _customer(subject: str, client_id: str, scopes: str, wanted: str) -> UUID | None:
    if wanted not in scopes.split() or subject == client_id:
        return None
    try:
        return UUID(subject)
    except ValueError:
        return None


@lru_cache(maxsize=10_000)
def _customer_id(*about: str) -> str | None:
    customer = _customer(*about)
    return str(customer) if customer else None


_ids: list[str] = []


def new_id() -> str:
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
        "common_door",
        "door",
        "early_door",
        "head",
        "identity",
        "kind",
        "name",
        "path",
        "policy",
        "query",
        "scope",
        "verdict",
    )

    def __init__(self, scope: Mapping[str, Any], *, name: str, body: bytes) -> None:
        self.scope: Any = scope
        self.name, self.body = name, body
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.head = head = head_of(scope)
        self.identity = head.given_id or new_id()
        self.verdict: Any = None
        self.policy: Any = None
        self.kind = ""
        self._claims: Mapping[str, Any] | EllipsisType | None = ...
        self.door: Callable[[Exchange], Awaitable[Reply | None]]
        self.early_door: Callable[[Exchange], bool]
        self.common_door: Callable[[Sequence[Exchange]], Awaitable[Sequence[Reply | None]]]

    @property
    def headers(self) -> Mapping[str, str]:
        """What the request's headers say, by name in small letters."""
        return self.head.headers

    @property
    def turn(self) -> Turn | None:
        """In which the request is read, while it has no task."""
        turn: Turn | None = self.scope.get(TURN)
        return turn

    async def admit(self) -> Reply | None:
        """Count the request where that is done, unless it was; the answer that refuses it, or None."""
        return None if self.verdict else await self.door(self)

    def admit_early(self) -> bool:
        """Count the request if that waits for nothing; whether it was counted, and may pass."""
        return self.early_door(self)

    @staticmethod
    async def admit_all(exchanges: "Sequence[Exchange]") -> "Sequence[Reply | None]":
        """Count some requests together; for each the answer that refuses it, or None."""
        return await exchanges[0].common_door(exchanges) if exchanges else ()

    @property
    def is_plain(self) -> bool:
        """Whether nothing about the request needs a second look."""
        return self.head.is_plain and len(self.path) + len(self.query) < LONGEST_URL

    @property
    def is_orderly(self) -> bool:
        """Whether nothing but what it accepts does."""
        return self.head.is_orderly and len(self.path) + len(self.query) < LONGEST_URL

    @property
    def is_too_late(self) -> bool:
        """Whether nobody waits for the answer any more."""
        left = seconds_left(self.headers[DEADLINE]) if self.head.waits else None
        return left is not None and left <= 0

    @property
    def cause(self) -> Cause:
        """What everything told because of this request carries."""
        trace = self.headers.get("traceparent", "")
        return Cause(correlation_id=self.identity, traceparent=trace if TRACEPARENT.fullmatch(trace) else "")

    @property
    def is_anonymous(self) -> bool:
        """Whether nothing says who is asking."""
        return self.head.is_anonymous

    def claims(self) -> Mapping[str, Any] | None:
        """What a good token says; None without one, or when it cannot be told at once."""
        if self._claims is ...:
            self._claims = self._verified()
        return self._claims

    def forget_claims(self) -> None:
        """Look at the token again: the keys to verify it may be there now."""
        self._claims = ...

    def _verified(self) -> Mapping[str, Any] | None:
        scheme, _, token = self.head.named.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not token:
            return None
        try:
            return verifier.claims_at_once(token.strip())
        except (BadToken, Unavailable):
            return None

    def customer_with(self, scope: str) -> UUID | None:
        """The customer whose token allows `scope`."""
        claims = self.claims()
        return _customer(claims["sub"], claims["client_id"], claims["scope"], scope) if claims else None

    def customer_id_with(self, scope: str) -> str | None:
        """The same as text."""
        claims = self.claims()
        return _customer_id(claims["sub"], claims["client_id"], claims["scope"], scope) if claims else None

    def has(self, tag: str) -> bool:
        """Whether the client has this state already (``If-None-Match``)."""
        wanted = self.head.text(b"if-none-match")
        if wanted is None:
            return False
        tags = [each.strip().removeprefix("W/") for each in wanted.split(",")]
        return "*" in tags or tag in tags
