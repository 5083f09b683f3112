"""Authorization code for other people's clients: S256, exact redirects, and nothing that is unsafe."""

from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.conf import settings
from django.test import Client
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken

from nexus.accounts.models import Customer
from nexus.accounts.selectors import get_public_keys

from .conftest import BASE, PASSWORD, with_token
from .oauth_client import CALLBACK, CHALLENGE, VERIFIER, allow, code_of, refused, request_for, swap

pytestmark = pytest.mark.django_db(transaction=True, databases=["default"])


class TestAuthorizationCode:
    def test_asks_the_customer(self, web, partner):
        page = web.get("/oauth/authorize", request_for())

        assert page.status_code == 200
        assert "May Partner act for you?" in page.content.decode()
        assert "Place and see your orders" in page.content.decode()

    def test_sends_strangers_to_the_login_and_back(self, partner):
        answer = Client().get("/oauth/authorize", request_for())

        assert answer.status_code == 302
        assert urlsplit(answer["Location"]).path == "/login"
        assert parse_qs(urlsplit(answer["Location"]).query)["next"][0].startswith("/oauth/authorize?")

    def test_gives_a_pair_that_opens_the_door(self, web, api, partner, customer):
        redirect = allow(web)

        pair = swap(web, code_of(redirect)).json()

        claims = jwt.decode(pair["access_token"], options={"verify_signature": False})
        assert parse_qs(urlsplit(redirect["Location"]).query)["state"] == ["xyz"]
        assert parse_qs(urlsplit(redirect["Location"]).query)["iss"] == [settings.ISSUER]
        assert (claims["sub"], claims["client_id"]) == (str(customer.pk), "partner")
        assert api.get(f"{BASE}/me", **with_token(pair["access_token"])).status_code == 200

    def test_stops_when_the_customer_refuses(self, web, partner):
        assert refused(web.post("/oauth/authorize", request_for())) == "access_denied"

    def test_works_once(self, web, partner):
        code = code_of(allow(web))
        swap(web, code)

        assert refused(swap(web, code)) == "invalid_grant"

    def test_never_holds_more_than_its_owner_may(self, web, partner):
        pair = swap(web, code_of(allow(web, scope="orders catalog:write inventory:write orders:manage"))).json()

        claims = jwt.decode(pair["access_token"], options={"verify_signature": False})
        assert pair["scope"] == claims["scope"] == AccessToken.objects.get().scope == "orders"

    def test_holds_what_staff_may_and_was_asked_for(self, partner):
        browser = Client()
        browser.force_login(Customer.objects.create_superuser("boss@example.org", PASSWORD))

        pair = swap(browser, code_of(allow(browser, scope="catalog:write"))).json()

        assert pair["scope"] == "catalog:write"

    def test_is_worth_nothing_once_the_customer_is_deactivated(self, web, partner):
        code = code_of(allow(web))
        Customer.objects.update(is_active=False)

        assert refused(swap(web, code)) == "invalid_grant"

    def test_carries_an_id_token_when_asked(self, web, partner, customer):
        pair = swap(web, code_of(allow(web, scope="openid profile", nonce="n"))).json()

        key = jwt.PyJWK(get_public_keys()["keys"][0])
        claims = jwt.decode(pair["id_token"], key, algorithms=["RS256"], audience="partner", issuer=settings.ISSUER)
        assert (claims["sub"], claims["email"], claims["nonce"]) == (str(customer.pk), customer.email, "n")

    def test_makes_an_id_token_that_does_not_pass_for_access(self, web, api, partner):
        pair = swap(web, code_of(allow(web, scope="openid profile"))).json()

        assert api.get(f"{BASE}/me", **with_token(pair["id_token"])).status_code == 401

    def test_gives_no_id_token_to_a_client_that_cannot_verify_one(self, web, partner):
        Application.objects.update(algorithm="")

        assert refused(web.get("/oauth/authorize", request_for(scope="openid"))) == "invalid_scope"


class TestPkce:
    @pytest.mark.parametrize(
        "challenge",
        [
            {"code_challenge": None, "code_challenge_method": None},
            {"code_challenge": "", "code_challenge_method": "S256"},
            {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
            {"code_challenge": VERIFIER, "code_challenge_method": None},
            {"code_challenge": CHALLENGE, "code_challenge_method": "s256"},
        ],
    )
    def test_is_required_with_s256(self, web, partner, challenge):
        answer = allow(web, **challenge)
        Application.objects.update(skip_authorization=True)
        unasked = web.get("/oauth/authorize", request_for(**challenge))

        assert [refused(answer), refused(unasked)] == ["invalid_request"] * 2
        assert not Grant.objects.exists()

    @pytest.mark.parametrize("verifier", [None, "", "wrong" * 12, CHALLENGE])
    def test_needs_the_verifier(self, web, partner, verifier):
        answer = swap(web, code_of(allow(web)), code_verifier=verifier)

        assert answer.status_code == 400
        assert not AccessToken.objects.exists()


class TestRedirects:
    @pytest.mark.parametrize(
        "uri",
        [
            "https://evil.example/callback",
            CALLBACK + "/more",
            CALLBACK + "?extra=1",
            "https://partner.example/../callback",
            "https://partner.example.evil.example/callback",
            "http://partner.example/callback",
            "javascript:alert(1)",
            "//evil.example",
        ],
    )
    def test_go_exactly_where_the_client_registered(self, web, partner, uri):
        for answer in (web.get("/oauth/authorize", request_for(redirect_uri=uri)), allow(web, redirect_uri=uri)):
            assert answer.status_code == 400
            assert "Location" not in answer

    def test_do_not_go_anywhere_for_an_unknown_client(self, web):
        assert web.get("/oauth/authorize", request_for(client_id="nobody")).status_code == 400

    def test_do_not_go_anywhere_for_the_storefront(self, web, log_in):
        log_in()

        assert web.get("/oauth/authorize", request_for(client_id="storefront")).status_code == 400


class TestOAuthRefresh:
    def form(self, pair):
        return {"grant_type": "refresh_token", "client_id": "partner", "refresh_token": pair["refresh_token"]}

    def test_rotates_and_ends_the_family_on_replay(self, web, partner):
        pair = swap(web, code_of(allow(web))).json()
        child = web.post("/oauth/token", self.form(pair)).json()

        replay = web.post("/oauth/token", self.form(pair))

        assert refused(replay) == "invalid_grant"
        assert refused(web.post("/oauth/token", self.form(child))) == "invalid_grant"
        assert not RefreshToken.objects.filter(revoked=None).exists()
