"""Rotation: a refresh token works once, and one that comes back ends everything that descends from the same login."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, RefreshToken
from rest_framework.test import APIClient

from nexus.accounts.models import Customer
from nexus.accounts.services.oauth import Validator

from .conftest import BASE

pytestmark = pytest.mark.django_db(transaction=True, databases=["default"])


@pytest.fixture
def refresh(api):
    return lambda token: api.post(f"{BASE}/token/refresh", {"refresh_token": token})


def refused(answer):
    return (answer.status_code, answer.json().get("code")) == (400, "invalid_grant")


def refresh_at_once(token, *, times):
    """The answers' statuses and codes, sorted."""

    def attempt(_):
        try:
            answer = APIClient().post(f"{BASE}/token/refresh", {"refresh_token": token})
            return answer.status_code, answer.json().get("code", "")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return sorted(pool.map(attempt, range(times)))


class TestRefresh:
    def test_gives_a_new_pair(self, tokens, refresh):
        answer = refresh(tokens["refresh_token"])

        body = answer.json()
        assert answer.status_code == 200
        assert body.keys() == tokens.keys()
        assert body["access_token"] != tokens["access_token"]
        assert body["refresh_token"] != tokens["refresh_token"]
        assert answer["Cache-Control"] == "no-store"

    def test_goes_on_from_pair_to_pair(self, tokens, refresh):
        pair = tokens
        for _ in range(5):
            answer = refresh(pair["refresh_token"])
            assert answer.status_code == 200
            pair = answer.json()

    def test_refuses_a_used_token_and_ends_its_child(self, tokens, refresh):
        child = refresh(tokens["refresh_token"]).json()

        replay = refresh(tokens["refresh_token"])

        assert refused(replay)
        assert refused(refresh(child["refresh_token"]))

    def test_ends_the_grandchild_too_but_no_other_login(self, tokens, refresh, log_in):
        child = refresh(tokens["refresh_token"]).json()
        grandchild = refresh(child["refresh_token"]).json()
        other_login = log_in().json()

        assert refused(refresh(tokens["refresh_token"]))

        assert refused(refresh(grandchild["refresh_token"]))
        assert refresh(other_login["refresh_token"]).status_code == 200

    def test_reports_a_replay_without_the_token(self, tokens, refresh, customer, caplog):
        refresh(tokens["refresh_token"])

        refresh(tokens["refresh_token"])

        (line,) = [record.getMessage() for record in caplog.records if record.name == "nexus.accounts"]
        assert str(customer.pk) in line
        assert tokens["refresh_token"] not in caplog.text

    def test_succeeds_once_when_twenty_come_at_once(self, tokens):
        answers = refresh_at_once(tokens["refresh_token"], times=20)

        assert answers == [(200, "")] + [(400, "invalid_grant")] * 19
        assert not RefreshToken.objects.filter(revoked=None).exists()

    def test_ends_the_family_when_two_pass_the_first_look_together(self, tokens, monkeypatch):
        together, save = Barrier(2), Validator.save_bearer_token

        def wait_then_save(self, *args, **kwargs):
            together.wait(timeout=10)
            return save(self, *args, **kwargs)

        monkeypatch.setattr(Validator, "save_bearer_token", wait_then_save)

        answers = refresh_at_once(tokens["refresh_token"], times=2)

        assert answers == [(200, ""), (400, "invalid_grant")]
        assert not RefreshToken.objects.filter(revoked=None).exists()

    def test_refuses_one_that_is_too_old(self, tokens, refresh):
        AccessToken.objects.update(expires=timezone.now() - timedelta(days=31))

        assert refused(refresh(tokens["refresh_token"]))

    def test_refuses_whoever_was_deactivated(self, tokens, refresh):
        Customer.objects.update(is_active=False)

        assert refused(refresh(tokens["refresh_token"]))

    def test_refuses_the_token_of_another_client(self, tokens, refresh):
        other = Application.objects.create(
            client_id="other", client_type="public", authorization_grant_type="authorization-code"
        )
        RefreshToken.objects.update(application=other)

        assert refused(refresh(tokens["refresh_token"]))

    def test_refuses_an_access_token(self, tokens, refresh):
        assert refresh(tokens["access_token"]).status_code == 400

    @pytest.mark.parametrize("token", ["unknown", "ünknown & = %", "a b", "%00", "🦊"])
    def test_refuses_what_it_never_gave(self, refresh, token):
        assert refused(refresh(token))

    @pytest.mark.parametrize("body", [{}, {"refresh_token": 7}, {"refresh_token": ""}, {"refresh_token": "a\0b"}, "x"])
    def test_refuses_what_is_no_token_at_all(self, api, body):
        assert api.post(f"{BASE}/token/refresh", body).status_code == 400


class TestRevoke:
    def test_ends_the_session(self, api, tokens, refresh):
        answer = api.post(f"{BASE}/token/revoke", {"refresh_token": tokens["refresh_token"]})

        assert (answer.status_code, answer.content) == (204, b"")
        assert refused(refresh(tokens["refresh_token"]))

    def test_ends_the_child_when_an_older_token_is_given(self, api, tokens, refresh):
        child = refresh(tokens["refresh_token"]).json()

        api.post(f"{BASE}/token/revoke", {"refresh_token": tokens["refresh_token"]})

        assert refused(refresh(child["refresh_token"]))

    def test_leaves_other_logins_alone(self, api, tokens, log_in, refresh):
        other_login = log_in().json()

        api.post(f"{BASE}/token/revoke", {"refresh_token": tokens["refresh_token"]})

        assert refresh(other_login["refresh_token"]).status_code == 200

    def test_does_not_mind_an_unknown_token(self, api):
        assert api.post(f"{BASE}/token/revoke", {"refresh_token": "unknown"}).status_code == 204

    def test_refuses_an_incomplete_request(self, api):
        assert api.post(f"{BASE}/token/revoke", {}).status_code == 400
