"""
Token pairs for our own clients, and what every token of ours looks like (RFC 9068).

Both come out of django-oauth-toolkit's server, so that rotation and replay mean the same here and at ``/oauth/token``.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from oauth2_provider.models import Application, RefreshToken, clear_expired
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.utils import jwk_from_pem
from oauthlib.common import Request
from oauthlib.oauth2 import OAuth2Error

from nexus.accounts.exceptions import InvalidGrant
from nexus.accounts.models import Customer
from nexus.accounts.selectors import list_scopes
from nexus.accounts.services.login import check_credentials

STOREFRONT = "storefront"
OWN_ENDPOINT = "/oauth/token"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, kw_only=True)
class TokenPair:
    """What a client gets; `expires_in` is in seconds, `scope` has spaces between."""

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str


def issue_tokens(*, email: str, password: str, network: str) -> TokenPair:
    """
    Log a customer in at our own storefront, with every scope they may hold.

    :raises WrongCredentials: address and password do not belong together
    :raises TooManyAttempts: too many failures for this account or from this network
    """
    customer = check_credentials(email=email, password=password, network=network)
    request = Request(OWN_ENDPOINT, http_method="POST")
    request.client, request.user = _storefront(), customer
    request.scopes = list_scopes(owner=customer)
    server = _server()
    token = server.default_token_type.create_token(request, refresh_token=True)
    server.request_validator.save_token(token, request)
    return _pair(token)


def refresh_tokens(*, refresh_token: str) -> TokenPair:
    """
    A new pair for a refresh token, which is used up by that.

    :raises InvalidGrant: unknown, expired, revoked, or used before; the last also ends the whole family
    """
    _storefront()
    form = {"grant_type": "refresh_token", "client_id": STOREFRONT, "refresh_token": refresh_token}
    try:
        _, answer, status = _server().create_token_response(OWN_ENDPOINT, body=urlencode(form), headers=dict(FORM))
    except OAuth2Error:
        raise InvalidGrant from None
    if status != 200:
        raise InvalidGrant
    return _pair(json.loads(answer))


def revoke_tokens(*, refresh_token: str) -> None:
    """End the session that this refresh token belongs to, whether it is the latest or an older one; unknown is fine."""
    found = RefreshToken.objects.filter(
        token_checksum=sha256(refresh_token.encode()).hexdigest(), application__client_id=STOREFRONT
    ).first()
    if found:
        RefreshToken.revoke_family(found.token_family)


def issue_access_token(request: Request, refresh_token: bool = False) -> str:
    """
    The JWT for an OAuth request: django-oauth-toolkit's ``ACCESS_TOKEN_GENERATOR``.

    Scopes beyond what the owner may do now are dropped from the request too, and so from the stored token and answer.
    """
    acts_for_itself = request.grant_type == "client_credentials"
    customer: Customer | None = None if acts_for_itself else request.user
    allowed = {"openid", *list_scopes(owner=request.client.user if acts_for_itself else customer)}
    request.scopes = [scope for scope in request.scopes or [] if scope in allowed]
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": settings.ISSUER,
        "aud": settings.AUDIENCE,
        "sub": str(customer.pk) if customer else request.client.client_id,
        "client_id": request.client.client_id,
        "scope": " ".join(request.scopes),
        "iat": now,
        "exp": now + request.expires_in,
        "jti": str(uuid4()),
    }
    key_id, key = _signer(settings.SIGNING_KEY)
    return jwt.encode(claims, key, algorithm="RS256", headers={"typ": "at+jwt", "kid": key_id})


def issue_refresh_token(request: Request) -> str:
    """Random and opaque; without a generator of its own a refresh token would be a JWT that passes for access."""
    return secrets.token_urlsafe(48)


def _pair(token: Mapping[str, Any]) -> TokenPair:
    return TokenPair(
        access_token=token["access_token"],
        refresh_token=token["refresh_token"],
        expires_in=token["expires_in"],
        scope=token["scope"],
    )


@lru_cache(maxsize=4)
def _signer(pem: str) -> tuple[str, RSAPrivateKey]:
    """Parsing an RSA key costs more than signing with it."""
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return jwk_from_pem(pem).thumbprint(), key


@lru_cache(maxsize=1)
def _server() -> Any:
    validator = oauth2_settings.OAUTH2_VALIDATOR_CLASS()
    return oauth2_settings.OAUTH2_SERVER_CLASS(validator, **oauth2_settings.server_kwargs)


def _storefront() -> Application:
    """Our own public client. It has a secret that nobody knows, and no redirect URI until somebody enters one."""
    client, _ = Application.objects.get_or_create(
        client_id=STOREFRONT,
        defaults={
            "name": "Storefront",
            "client_type": Application.CLIENT_PUBLIC,
            "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
            "skip_authorization": True,
            "algorithm": Application.RS256_ALGORITHM,
        },
    )
    return client


def forget_expired_tokens() -> None:
    """Delete tokens, grants and codes that can do nothing any more."""
    clear_expired()
