"""What an access token says, and which ones nobody believes. Verified as other services do: PyJWT and the JWK set."""

import base64
import hashlib
import hmac
import json
import time
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.conf import settings
from django.contrib.auth.models import Group, Permission

from nexus.accounts.models import Customer
from nexus.accounts.selectors import get_public_keys, list_scopes

from .conftest import BASE, PASSWORD, with_token

pytestmark = pytest.mark.django_db(transaction=True, databases=["default"])


def forged(claims=None, header=None, key=None):
    """A token that is right in everything but what is replaced."""
    now = int(time.time())
    body = {"iss": settings.ISSUER, "aud": settings.AUDIENCE, "sub": str(uuid4()), "client_id": "storefront"}
    body |= {"scope": "orders profile", "iat": now, "exp": now + 300, "jti": str(uuid4())} | (claims or {})
    body = {name: value for name, value in body.items() if value is not None}
    headers = {"typ": "at+jwt", "kid": get_public_keys()["keys"][0]["kid"]} | (header or {})
    return jwt.encode(body, key or settings.SIGNING_KEY, algorithm="RS256", headers=headers)


def encoded(part):
    return base64.urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode()).rstrip(b"=")


def signed_by_hand(header, secret=None):
    """For what PyJWT refuses to sign."""
    payload = jwt.decode(forged(), options={"verify_signature": False})
    text = encoded({"typ": "at+jwt", "kid": get_public_keys()["keys"][0]["kid"]} | header) + b"." + encoded(payload)
    signature = hmac.digest(secret, text, hashlib.sha256) if secret else b""
    return (text + b"." + encoded(signature)).decode()


class TestAccessToken:
    def test_is_verified_by_the_published_keys_alone(self, api, customer, tokens):
        published = jwt.PyJWKSet.from_dict(api.get("/.well-known/jwks.json").json())
        header = jwt.get_unverified_header(tokens["access_token"])

        claims = jwt.decode(
            tokens["access_token"],
            published[header["kid"]].key,
            algorithms=["RS256"],
            issuer=settings.ISSUER,
            audience=settings.AUDIENCE,
        )

        assert header.keys() == {"alg", "kid", "typ"}
        assert (header["alg"], header["typ"]) == ("RS256", "at+jwt")
        assert claims.keys() == {"iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti"}
        assert (claims["sub"], claims["client_id"], claims["scope"]) == (
            str(customer.pk),
            "storefront",
            "orders profile",
        )
        assert claims["exp"] - claims["iat"] == 300
        assert UUID(claims["jti"])

    def test_names_its_key_by_thumbprint(self, api, tokens):
        (key,) = api.get("/.well-known/jwks.json").json()["keys"]
        canonical = json.dumps({name: key[name] for name in ("e", "kty", "n")}, separators=(",", ":"))

        thumbprint = encoded(hashlib.sha256(canonical.encode()).digest()).decode()

        assert key["kid"] == jwt.get_unverified_header(tokens["access_token"])["kid"] == thumbprint
        assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi"}

    def test_is_verified_in_process_by_the_same_keys(self, api):
        assert get_public_keys() == api.get("/.well-known/jwks.json").json()

    def test_opens_the_door(self, api, tokens):
        assert api.get(f"{BASE}/me", **with_token(tokens["access_token"])).status_code == 200

    def test_control_the_forgery_opens_it_too_when_nothing_is_wrong(self, api, customer):
        token = forged({"sub": str(customer.pk)})

        assert api.get(f"{BASE}/me", **with_token(token)).status_code == 200


class TestNobodyBelieves:
    def refuse(self, api, token):
        answer = api.get(f"{BASE}/me", **with_token(token))
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize("algorithm", ["none", "None", "nOnE"])
    def test_a_token_without_signature(self, api, algorithm):
        self.refuse(api, signed_by_hand({"alg": algorithm}))

    def test_a_token_signed_with_the_public_key_as_a_secret(self, api):
        public = load_pem_private_key(settings.SIGNING_KEY.encode(), None).public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        key = get_public_keys()["keys"][0]

        for secret in (pem, pem.strip(), json.dumps(key).encode(), key["n"].encode()):
            self.refuse(api, signed_by_hand({"alg": "HS256"}, secret))

    @pytest.mark.parametrize("kid", ["unknown", "../../dev/null", "' OR 1=1--", "", 7, None])
    def test_a_key_that_is_not_ours(self, api, kid):
        self.refuse(api, signed_by_hand({"alg": "RS256", "kid": kid}, b"secret"))

    def test_a_key_that_the_token_brings_along(self, api):
        own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(own.public_key()))

        for header in ({"jwk": jwk}, {"jku": "http://127.0.0.1:9/"}, {"jwk": jwk, "kid": "own"}, {}):
            self.refuse(api, forged(header=header, key=own))

    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": 1},
            {"aud": "other"},
            {"aud": None},
            {"iss": "https://elsewhere.example"},
            {"iat": int(time.time()) + 3600},
            {"sub": "nobody"},
            *({name: None} for name in ("exp", "iat", "iss", "sub", "jti", "client_id", "scope")),
        ],
    )
    def test_a_wrong_or_missing_claim(self, api, claims):
        self.refuse(api, forged(claims))

    @pytest.mark.parametrize("kind", ["JWT", "rt+jwt", "", None])
    def test_a_token_of_another_kind(self, api, kind):
        self.refuse(api, forged(header={"typ": kind}))

    def test_a_refresh_token(self, api, tokens):
        self.refuse(api, tokens["refresh_token"])


class TestScopes:
    def scope_of(self, log_in):
        return log_in().json()["scope"].split()

    def grant(self, holder, codename):
        holder.add(Permission.objects.get(content_type__app_label="accounts", codename=codename))

    def test_of_a_superuser_are_all(self, log_in):
        Customer.objects.create_superuser("ada@example.org", PASSWORD)

        assert self.scope_of(log_in) == ["orders", "profile", "catalog:write", "inventory:write", "orders:manage"]

    @pytest.mark.parametrize(
        ("permission", "scope"),
        [
            ("write_catalog", "catalog:write"),
            ("write_inventory", "inventory:write"),
            ("manage_orders", "orders:manage"),
        ],
    )
    def test_of_staff_follow_their_permissions(self, customer, log_in, permission, scope):
        Customer.objects.update(is_staff=True)
        self.grant(customer.user_permissions, permission)

        assert self.scope_of(log_in) == ["orders", "profile", scope]

    def test_of_staff_come_from_their_groups_as_well(self, customer, log_in):
        Customer.objects.update(is_staff=True)
        group = Group.objects.create(name="Warehouse")
        self.grant(group.permissions, "write_inventory")
        customer.groups.add(group)

        assert "inventory:write" in self.scope_of(log_in)

    def test_of_somebody_who_is_not_staff_are_a_customers_whatever_their_permissions(self, customer, log_in):
        self.grant(customer.user_permissions, "write_catalog")

        assert self.scope_of(log_in) == ["orders", "profile"]

    def test_shrink_with_the_rights_at_the_next_refresh(self, api, log_in):
        admin = Customer.objects.create_superuser("ada@example.org", PASSWORD)
        pair = log_in().json()
        Customer.objects.filter(pk=admin.pk).update(is_superuser=False)

        answer = api.post(f"{BASE}/token/refresh", {"refresh_token": pair["refresh_token"]})

        claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
        assert answer.json()["scope"] == claims["scope"] == "orders profile"

    def test_of_nobody_are_a_customers(self):
        assert list_scopes(owner=None) == ["orders", "profile"]
