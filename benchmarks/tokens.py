"""Access tokens as accounts issues them, signed with the shop's own key, without asking the shop."""

import json
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import RSAAlgorithm

from nexus.contracts.seeding import SeedPlan

LIFETIME = 300
ISSUER = "http://localhost:8080"


def customer_ids(count: int) -> list[UUID]:
    """The customers that the goods come with."""
    plan = SeedPlan(seed=1, products=0, customers=count, orders=0)
    return [plan.customer_id(number) for number in range(count)]


def sign_tokens(*, var: Path, count: int) -> list[str]:
    """A token for each customer, good for five minutes from now; a second's work for 2,000."""
    pem = (var / "secrets" / "nexus_signing_key").read_bytes()
    key = load_pem_private_key(pem, password=None)
    assert isinstance(key, RSAPrivateKey)
    headers = {"typ": "at+jwt", "kid": _thumbprint(key)}
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "nexus", "client_id": "storefront", "scope": "orders profile"}
    claims |= {"iat": now, "exp": now + LIFETIME}  # type: ignore[dict-item]
    return [
        jwt.encode(claims | {"sub": str(each), "jti": str(uuid4())}, key, algorithm="RS256", headers=headers)
        for each in customer_ids(count)
    ]


def _thumbprint(key: RSAPrivateKey) -> str:
    """RFC 7638: what the shop calls its key by."""
    public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    canonical = json.dumps({name: public[name] for name in ("e", "kty", "n")}, separators=(",", ":"))
    return urlsafe_b64encode(sha256(canonical.encode()).digest()).rstrip(b"=").decode()
