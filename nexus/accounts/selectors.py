"""What is known about customers, what they may do, and by which keys their tokens are verified."""

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from oauth2_provider.models import Application
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.utils import jwk_from_pem

from nexus.accounts.exceptions import NoSuchCustomer
from nexus.accounts.models import Customer

CUSTOMER_SCOPES = ("orders", "profile")
STAFF_SCOPES = {
    "catalog:write": "accounts.write_catalog",
    "inventory:write": "accounts.write_inventory",
    "orders:manage": "accounts.manage_orders",
}
"""The permission that allows staff a scope: one of our own, for those of another app are gone where it is absent."""


def get_customer(*, customer_id: UUID) -> Customer:
    """:raises NoSuchCustomer: unknown, erased or deactivated"""
    try:
        return Customer.objects.get(pk=customer_id, is_active=True)
    except Customer.DoesNotExist:
        raise NoSuchCustomer from None


def list_scopes(*, owner: Customer | None) -> list[str]:
    """All that a token of this owner may hold; for an OAuth client without an owner, what any customer may."""
    if owner is None or not owner.is_staff:
        return list(CUSTOMER_SCOPES)
    allowed = (scope for scope, permission in STAFF_SCOPES.items() if owner.has_perm(permission))
    return [*CUSTOMER_SCOPES, *allowed]


def find_client(*, client_id: str) -> Application | None:
    """The OAuth client of this name."""
    return Application.objects.filter(client_id=client_id).first()


def get_public_keys() -> dict[str, Any]:
    """The JWK set by which anybody can verify our tokens: the present key and those just retired."""
    pems = [settings.SIGNING_KEY, *oauth2_settings.OIDC_RSA_PRIVATE_KEYS_INACTIVE]
    return {"keys": [_public_key(pem) for pem in pems]}


def _public_key(pem: str) -> dict[str, Any]:
    key = jwk_from_pem(pem)
    public: dict[str, Any] = json.loads(key.export_public())
    return public | {"alg": "RS256", "use": "sig", "kid": key.thumbprint()}
