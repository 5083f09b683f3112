"""Client credentials, introspection and revocation, grants that do not exist here, and noise."""

import base64
from urllib.parse import urlencode, urlsplit

import jwt
import pytest
from django.conf import settings
from django.test import Client
from oauth2_provider.models import AccessToken, Application, RefreshToken

from nexus.accounts.models import Customer

from .conftest import BASE, PASSWORD, with_token
from .oauth_client import SECRET, allow, as_robot, code_of, refused, request_for, swap

pytestmark = pytest.mark.django_db(transaction=True, databases=["default"])


class TestUnsafeGrants:
    def test_password_is_refused_even_to_a_client_registered_for_it(self, customer):
        Application.objects.create(client_id="old", client_type="public", authorization_grant_type="password")

        answer = Client().post(
            "/oauth/token",
            {"grant_type": "password", "client_id": "old", "username": customer.email, "password": PASSWORD},
        )

        assert (answer.status_code, refused(answer)) == (400, "unsupported_grant_type")

    @pytest.mark.parametrize("kind", ["token", "id_token", "id_token token", "code token", "none", "magic"])
    def test_implicit_and_its_kin_are_refused_even_to_a_client_registered_for_them(self, web, partner, kind):
        for grant in ("implicit", "authorization-code"):
            Application.objects.update(authorization_grant_type=grant)
            answer = allow(web, response_type=kind, nonce="n", scope="openid")
            assert "token=" not in answer.headers.get("Location", "")
            assert "code=" not in answer.headers.get("Location", "")
        assert not AccessToken.objects.exists()

    @pytest.mark.parametrize("grant", ["urn:ietf:params:oauth:grant-type:device_code", "", "magic", "a\0b"])
    def test_there_are_no_others(self, robot, grant):
        answer = as_robot(grant_type=grant)

        assert answer.status_code == 400

    def test_are_not_announced(self, api):
        announced = api.get("/.well-known/openid-configuration").json()

        assert announced["issuer"] == settings.ISSUER
        assert announced["response_types_supported"] == ["code"]
        assert announced["code_challenge_methods_supported"] == ["S256"]
        assert urlsplit(announced["token_endpoint"]).path == "/oauth/token"
        assert urlsplit(announced["jwks_uri"]).path == "/.well-known/jwks.json"


class TestClientCredentials:
    def test_give_a_token_without_a_customer(self, robot):
        body = as_robot().json()

        claims = jwt.decode(body["access_token"], options={"verify_signature": False})
        assert (claims["sub"], claims["client_id"]) == ("robot", "robot")
        assert "refresh_token" not in body

    def test_do_not_open_what_belongs_to_customers(self, api, robot):
        token = as_robot(scope="profile").json()["access_token"]

        assert api.get(f"{BASE}/me", **with_token(token)).status_code == 403

    def test_may_not_ask_for_what_their_owner_may_not(self, robot, customer):
        for owner in (None, customer):
            Application.objects.update(user=owner)
            assert refused(as_robot(scope="inventory:write")) == "invalid_scope"

    def test_may_ask_for_what_their_owner_may(self, robot):
        Application.objects.update(user=Customer.objects.create_superuser("boss@example.org", PASSWORD))

        assert as_robot(scope="inventory:write").json()["scope"] == "inventory:write"

    @pytest.mark.parametrize("secret", ["", "wrong", "a\0b"])
    def test_need_the_secret(self, robot, secret):
        assert as_robot(client_secret=secret).status_code in (400, 401)

    def test_are_not_for_the_storefront(self, log_in, customer):
        log_in()

        for secret in ("", "storefront"):
            assert as_robot(client_id="storefront", client_secret=secret).status_code in (400, 401)

    def test_are_stored_as_a_hash(self, robot):
        assert SECRET not in Application.objects.get(client_id="robot").client_secret

    @pytest.mark.parametrize("name", ["user", "scopes", "client", "refresh_token_instance", "expires_in", "claims"])
    def test_are_not_confused_by_parameters_named_like_our_own(self, robot, name):
        answer = as_robot(**{name: "admin"})

        assert answer.status_code == 200
        assert answer.json()["expires_in"] == 300


class TestRevokeAndIntrospect:
    def test_introspection_tells_a_client_about_a_token(self, robot, tokens):
        form = {"client_id": "robot", "client_secret": SECRET}

        alive = Client().post("/oauth/introspect", form | {"token": tokens["access_token"]}).json()
        unknown = Client().post("/oauth/introspect", form | {"token": "unknown"}).json()

        assert (alive["active"], alive["client_id"]) == (True, "storefront")
        assert unknown == {"active": False}

    def test_introspection_tells_nobody_else(self, log_in, tokens):
        token = {"token": tokens["access_token"]}

        anonymous = Client().post("/oauth/introspect", token)
        public = Client().post("/oauth/introspect", token | {"client_id": "storefront"})
        customer = Client().post("/oauth/introspect", token, **with_token(tokens["access_token"]))

        assert [anonymous.status_code, public.status_code, customer.status_code] == [403, 403, 403]

    def test_introspection_takes_no_token_in_a_url(self, robot, tokens):
        basic = base64.b64encode(f"robot:{SECRET}".replace("'", "%27").replace(" ", "+").encode()).decode()

        answer = Client().get(
            "/oauth/introspect", {"token": tokens["access_token"]}, HTTP_AUTHORIZATION=f"Basic {basic}"
        )

        assert answer.status_code == 405

    def test_revocation_ends_a_session(self, web, partner):
        pair = swap(web, code_of(allow(web))).json()

        answer = web.post("/oauth/revoke", {"token": pair["refresh_token"], "client_id": "partner"})

        assert answer.status_code == 200
        assert not RefreshToken.objects.filter(revoked=None).exists()


class TestNoise:
    @pytest.mark.parametrize("path", ["authorize", "token", "revoke", "introspect", "userinfo"])
    @pytest.mark.parametrize(
        "form",
        [
            {},
            {"token": "a\0b"},
            {"code": "\0"},
            {"client_id": "\0"},
            {"grant_type": "authorization_code", "code": "x"},
            {"grant_type": "refresh_token"},
            {"grant_type": "client_credentials", "client_id": "ü", "scope": "🦊"},
            request_for(client_id="nobody", allow="yes"),
            request_for(response_type=None, allow="yes"),
            request_for(claims="{", resource="not a uri", allow="yes"),
            {"token": "not.a.jwt", "access_token": "x", "prompt": "create"},
        ],
    )
    def test_is_never_our_fault(self, web, path, form):
        posted = web.post(f"/oauth/{path}", form)
        asked = web.get(f"/oauth/{path}?{urlencode(form)}")
        raw = web.post(f"/oauth/{path}", b"%ff=\xff&\xed\xa0\x80", content_type="application/x-www-form-urlencoded")

        assert [answer.status_code for answer in (posted, asked, raw) if answer.status_code >= 500] == []

    def test_a_trailing_slash_makes_no_difference(self, robot):
        form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": SECRET}

        assert Client().post("/oauth/token/", form).status_code == 200


class TestWithoutACookie:
    @pytest.mark.parametrize("path", ["token", "introspect", "revoke"])
    def test_a_client_needs_no_csrf_token(self, robot, path):
        client = Client(enforce_csrf_checks=True)

        answer = client.post(
            f"/oauth/{path}",
            {"grant_type": "client_credentials", "client_id": "robot", "client_secret": SECRET, "token": "junk"},
        )

        assert answer.status_code != 403 or b"CSRF" not in answer.content
        assert answer.headers["Content-Type"].startswith("application/json") or answer.status_code == 200

    def test_a_token_comes_out_of_it(self, robot):
        answer = Client(enforce_csrf_checks=True).post(
            "/oauth/token",
            {"grant_type": "client_credentials", "client_id": "robot", "client_secret": SECRET},
        )

        assert answer.status_code == 200, answer.content

    def test_agreeing_in_a_browser_still_asks_for_one(self, customer, partner):
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(customer)

        assert browser.post("/oauth/authorize", {"allow": "yes", "client_id": "partner"}).status_code == 403
