"""Fixtures that every app's tests share; they leave with whichever app leaves."""

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django_redis import get_redis_connection
from rest_framework.test import APIClient

from nexus.web import tokens
from nexus.web.tokens import KeySet, Verifier

with suppress(ModuleNotFoundError):
    # One whole shop for all who look on from outside; an app that has left has none.
    from tests.telemetry.shop import collector, observed

    __all__ = ["collector", "observed"]

KEY_ID = "test-key"
Bearer = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def issuer_key() -> rsa.RSAPrivateKey:
    """The key of an issuer that only the tests know: an app alone has no accounts to ask for tokens."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def trusted_issuer(issuer_key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch) -> rsa.RSAPrivateKey:
    """Makes this process trust the tests' issuer instead of accounts."""
    key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(issuer_key.public_key())) | {"kid": KEY_ID}
    verifier = Verifier(KeySet(lambda: {"keys": [key]}))
    monkeypatch.setattr(tokens.verifier, "_keys", verifier._keys)
    monkeypatch.setattr(tokens.verifier, "_known", OrderedDict())
    return issuer_key


@pytest.fixture
def bearer(trusted_issuer: rsa.RSAPrivateKey) -> Bearer:
    """Headers with a token; keyword arguments replace claims, `header` replaces parts of the JOSE header."""

    def make(
        customer_id: UUID | None = None, *, scope: str = "orders profile", header: Any = (), **claims: Any
    ) -> dict[str, str]:
        now = int(time.time())
        body = {
            "iss": settings.ISSUER,
            "aud": settings.AUDIENCE,
            "sub": str(customer_id or uuid4()),
            "client_id": "storefront",
            "scope": scope,
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid4()),
        } | claims
        token = jwt.encode(
            body, trusted_issuer, algorithm="RS256", headers={"kid": KEY_ID, "typ": "at+jwt"} | dict(header)
        )
        return {"HTTP_AUTHORIZATION": f"Bearer {token}"}

    return make


@pytest.fixture
def api() -> APIClient:
    """A client that sees a 500 as an answer, as real clients do."""
    return APIClient(raise_request_exception=False)


@pytest.fixture
def clean_redis() -> Any:
    """Nothing in Redis before and after."""
    redis = get_redis_connection("default")
    redis.flushdb()
    yield redis
    redis.flushdb()
