"""
Verifies access tokens offline: RFC 9068 JWTs (``typ: at+jwt``), RS256 only, keys by `kid` from a JWK set.

Header, keys and signature are PyJWT's work. Its way through a whole token reads the header anew and costs more than
twice as much, and nearly every order comes with a token not seen before: the parts are put together here.
"""

import base64
import binascii
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

import jwt
import msgspec
import urllib3
from django.conf import settings
from django.utils.module_loading import import_string

from nexus.contracts.errors import Unavailable

ALGORITHM = "RS256"
LEEWAY = 10
log = logging.getLogger("nexus.web")
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BadToken(Exception):
    """The token is malformed, expired, not ours, or not an access token."""


class Claims(msgspec.Struct):
    """What an access token has to say (RFC 9068, section 2.2; times in seconds since 1970: RFC 7519, section 4.1)."""

    exp: float
    iat: float
    iss: str
    aud: str | list[str]
    sub: str
    jti: str
    client_id: str
    scope: str
    nbf: float = 0.0


@dataclass
class KeySet:
    """Public keys by id. Unknown ids cause at most one fetch a minute, so that junk tokens cannot cause a storm."""

    fetch: Callable[[], dict[str, Any]]
    keep: float = 300
    patience: float = 60
    pause: float = 2
    _keys: dict[str, Any] = field(default_factory=dict)
    _fetched: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key_id: str) -> Any:
        """:raises BadToken: no such key; :raises Unavailable: the keys cannot be had"""
        age = time.monotonic() - self._fetched
        patience = self.patience if self._keys else self.pause
        if age > self.keep or (key_id not in self._keys and age > patience):
            self._refresh()
        if not self._keys:
            raise Unavailable("The keys that verify tokens cannot be fetched.")
        if key_id not in self._keys:
            raise BadToken("signed by an unknown key")
        return self._keys[key_id]

    def has(self, key_id: str) -> bool:
        """Whether `get` would answer without asking anybody."""
        return key_id in self._keys and time.monotonic() - self._fetched <= self.keep

    def _refresh(self) -> None:
        with self._lock:
            if time.monotonic() - self._fetched < 1:
                return
            try:
                fetched = self.fetch()["keys"]
                self._keys = {key["kid"]: jwt.PyJWK(key, algorithm="RS256").key for key in fetched}
            except (urllib3.exceptions.HTTPError, OSError, ValueError, KeyError, TypeError, jwt.PyJWTError):
                log.warning("the keys that verify tokens cannot be fetched")
            finally:
                # Failures count too: otherwise every request would wait for a server that does not answer.
                self._fetched = time.monotonic()


class Verifier:
    """Checks tokens and remembers good ones until they expire (hashed, so that memory never holds a token)."""

    capacity = 50_000

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys
        self._known: OrderedDict[bytes, dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def claims(self, token: str) -> dict[str, Any]:
        """
        The claims of a valid access token.

        :raises BadToken: with a reason that may be shown
        """
        digest = sha256(token.encode()).digest()
        if (known := self._known.get(digest)) and known["exp"] > time.time():
            return known
        claims = self._verify(token)
        with self._lock:
            self._known[digest] = claims
            self._make_room()
        return claims

    def _make_room(self) -> None:
        """Who came first expires first, or nearly so."""
        now = time.time()
        while self._known and (len(self._known) > self.capacity or self._oldest["exp"] <= now):
            self._known.popitem(last=False)

    @property
    def _oldest(self) -> dict[str, Any]:
        return next(iter(self._known.values()))

    def claims_at_once(self, token: bytes) -> dict[str, Any] | None:
        """As `claims`; None when keys would have to be fetched first, for callers that must not wait."""
        known = self._known.get(sha256(token).digest())
        if known and known["exp"] > time.time():
            return known
        try:
            text = token.decode("ascii")
            key_id = str(_header_of(text.partition(".")[0]).get("kid", ""))
        except (jwt.PyJWTError, ValueError):
            raise BadToken("not valid") from None
        return self.claims(text) if self._keys.has(key_id) else None

    def _verify(self, token: str) -> dict[str, Any]:
        first, _, rest = token.partition(".")
        second, _, third = rest.partition(".")
        try:
            header = _header_of(first)
            if header.get("typ") != "at+jwt" or not KEY_ID.fullmatch(str(header.get("kid", ""))):
                raise BadToken("not an access token")
            key = self._keys.get(header["kid"])
            if header.get("alg") != ALGORITHM:
                raise BadToken("not valid")
            if not _RS256.verify(f"{first}.{second}".encode("ascii"), key, _bytes_of(third)):
                raise BadToken("not valid")
            payload = _bytes_of(second)
            _check(_CLAIMS.decode(payload))
            claims: dict[str, Any] = msgspec.json.decode(payload)
        except (jwt.PyJWTError, msgspec.MsgspecError, ValueError, RecursionError):
            raise BadToken("not valid") from None
        return claims


def _check(claims: Claims) -> None:
    """:raises BadToken: it is not for us, not from us, or not for now"""
    now = time.time()
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != settings.ISSUER or settings.AUDIENCE not in audience:
        raise BadToken("not valid")
    if claims.exp <= now - LEEWAY:
        raise BadToken("expired")
    if max(claims.iat, claims.nbf) > now + LEEWAY:
        raise BadToken("not valid")


def _bytes_of(part: str) -> bytes:
    """:raises ValueError: it is no base64 of RFC 7515, section 2: without padding, of its own alphabet only"""
    if "=" in part or "+" in part or "/" in part:
        raise binascii.Error
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


_RS256 = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
_CLAIMS = msgspec.json.Decoder(Claims)


@lru_cache(maxsize=256)
def _header_of(segment: str) -> dict[str, Any]:
    """
    What a token's first part says. All tokens of one key begin alike: reading it anew for each took a third of the time
    in which an order was accepted. Nothing is trusted for it: the whole token is verified with the key that it names.
    """
    return jwt.get_unverified_header(f"{segment}.e30.")


def _fetch_keys() -> dict[str, Any]:
    if provider := settings.JWKS["PROVIDER"]:
        keys: dict[str, Any] = import_string(provider)()
        return keys
    if not settings.JWKS["URL"]:
        raise Unavailable("NEXUS_JWKS_URL is not set, so no token can be verified.")
    answer = urllib3.request("GET", settings.JWKS["URL"], timeout=2, retries=False)
    fetched: dict[str, Any] = answer.json()
    return fetched


verifier = Verifier(KeySet(_fetch_keys))
