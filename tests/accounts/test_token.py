"""Logging in: the pair, the refusals, and the waits after failures."""

import statistics
import time

import pytest
from oauth2_provider.models import AccessToken, RefreshToken
from redis.exceptions import RedisError
from rest_framework.test import APIClient

from nexus.accounts.models import Customer
from nexus.accounts.services import attempts, registration

from .conftest import BASE, PASSWORD

pytestmark = pytest.mark.django_db(transaction=True, databases=["default"])


@pytest.fixture
def without_redis(settings):
    """Nobody listens where Redis should be."""
    settings.CACHES = settings.CACHES | {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}


def fail(log_in, times, **options):
    return [log_in(password="wrong", **options).status_code for _ in range(times)]


class TestToken:
    def test_gives_a_pair(self, customer, log_in):
        answer = log_in()

        body = answer.json()
        assert answer.status_code == 200
        assert body.keys() == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
        assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 300, "orders profile")
        assert answer["Cache-Control"] == "no-store"

    def test_takes_the_address_in_any_spelling(self, customer, log_in):
        assert log_in(email=" ADA@Example.ORG").status_code == 200

    def test_keeps_no_token_in_the_database(self, tokens):
        assert AccessToken.objects.get().token == ""
        assert RefreshToken.objects.get().token == ""

    def test_is_never_replayed_for_a_key(self, customer, log_in):
        first = log_in(HTTP_IDEMPOTENCY_KEY="once").json()
        again = log_in(HTTP_IDEMPOTENCY_KEY="once").json()

        assert first["refresh_token"] != again["refresh_token"]

    def test_is_not_disturbed_by_an_old_token(self, customer, log_in):
        assert log_in(HTTP_AUTHORIZATION="Bearer expired").status_code == 200

    @pytest.mark.parametrize("credentials", [{"password": "wrong"}, {"email": "nobody@example.org"}])
    def test_says_the_same_whichever_is_wrong(self, customer, log_in, credentials):
        answer = log_in(**credentials)

        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid_grant"
        assert answer.json()["detail"] == "The e-mail address and the password do not belong together."

    def test_lets_nobody_in_who_was_deactivated(self, customer, log_in):
        Customer.objects.update(is_active=False)

        assert log_in().json()["code"] == "invalid_grant"

    @pytest.mark.parametrize("body", [{}, {"email": "ada@example.org"}, {"email": 1, "password": 2}, []])
    def test_refuses_what_is_incomplete_or_of_the_wrong_type(self, api, body):
        assert api.post(f"{BASE}/token", body).status_code == 400

    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
    def test_is_only_posted_to(self, api, method):
        assert getattr(api, method)(f"{BASE}/token").status_code == 405

    def test_costs_as_much_time_for_an_unknown_address(self, customer, log_in, settings, monkeypatch):
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
        customer.set_password(PASSWORD)
        customer.save()
        monkeypatch.setattr(attempts, "FREE_PER_ACCOUNT", 1000)
        spans = {"ada@example.org": [], "nobody@example.org": []}

        for _ in range(12):
            for email, seen in spans.items():
                begin = time.perf_counter()
                log_in(email=email, password="wrong")
                seen.append(time.perf_counter() - begin)

        known, unknown = (statistics.median(seen) for seen in spans.values())
        assert abs(known - unknown) / known < 0.3


class TestFailedLogins:
    def test_make_the_account_wait(self, customer, log_in):
        statuses = fail(log_in, 10)

        answer = log_in()
        assert statuses == [400] * 5 + [429] * 5
        assert answer.status_code == 429
        assert answer.json()["code"] == "too_many_attempts"
        assert 25 < int(answer["Retry-After"]) <= 30

    def test_say_nothing_about_whether_the_account_exists(self, log_in):
        assert fail(log_in, 6, email="nobody@example.org") == [400] * 5 + [429]

    def test_count_for_the_account_from_whichever_address(self, customer, log_in):
        statuses = [fail(log_in, 1, REMOTE_ADDR=f"192.0.2.{number}")[0] for number in range(6)]

        assert statuses == [400] * 5 + [429]

    def test_are_not_hidden_by_a_forged_header(self, customer, log_in, monkeypatch):
        monkeypatch.setattr(attempts, "FREE_PER_ACCOUNT", 1000)
        monkeypatch.setattr(attempts, "FREE_PER_ADDRESS", 3)

        statuses = [
            fail(log_in, 1, email=f"{number}@example.org", HTTP_X_FORWARDED_FOR=f"192.0.2.{number}")[0]
            for number in range(4)
        ]

        assert statuses == [400] * 3 + [429]

    def test_count_per_caller_behind_our_own_proxy(self, customer, log_in, monkeypatch, settings):
        settings.TRUSTED_PROXIES = 1
        monkeypatch.setattr(attempts, "FREE_PER_ADDRESS", 1)

        fail(log_in, 1, email="x@example.org", HTTP_X_FORWARDED_FOR="203.0.113.9, 192.0.2.1")
        same = log_in(HTTP_X_FORWARDED_FOR="198.51.100.7, 192.0.2.1")
        other = log_in(HTTP_X_FORWARDED_FOR="203.0.113.9, 192.0.2.2")

        assert (same.status_code, other.status_code) == (429, 200)

    def test_count_together_within_one_ipv6_network(self, customer, log_in, monkeypatch):
        monkeypatch.setattr(attempts, "FREE_PER_ADDRESS", 1)

        fail(log_in, 1, email="x@example.org", REMOTE_ADDR="2001:db8:0:1::a")

        assert log_in(REMOTE_ADDR="2001:db8:0:1::b").status_code == 429
        assert log_in(REMOTE_ADDR="2001:db8:0:2::a").status_code == 200

    def test_double_the_wait_up_to_a_quarter_of_an_hour(self, customer, log_in, clean_redis):
        waits = []
        fail(log_in, 4)

        for _ in range(8):
            fail(log_in, 1)
            waits.append(int(log_in()["Retry-After"]))
            clean_redis.delete(*clean_redis.keys("accounts:*:held"))

        assert [round(wait, -1) for wait in waits] == [30, 60, 120, 240, 480, 900, 900, 900]

    def test_are_counted_without_asking_a_redis_again_that_just_failed(self, customer, log_in, monkeypatch):
        asked = []

        class Hanging:
            def __getattr__(self, name):
                def hang(*args, **kwargs):
                    asked.append(name)
                    raise RedisError("no answer in time")

                return hang

        monkeypatch.setattr(attempts, "in_redis", Hanging())
        monkeypatch.setattr(attempts, "REST", 3600)

        assert fail(log_in, 6) == [400] * 5 + [429]
        assert len(asked) == 1

    def test_are_forgotten_after_a_success(self, customer, log_in):
        fail(log_in, 4)
        log_in()

        assert fail(log_in, 5) == [400] * 5

    def test_of_strangers_do_not_lock_out_whoever_logged_in_here_before(self, customer, log_in):
        log_in(REMOTE_ADDR="192.0.2.1")

        fail(log_in, 20, REMOTE_ADDR="198.51.100.7")

        assert log_in(REMOTE_ADDR="198.51.100.7").status_code == 429
        assert log_in(REMOTE_ADDR="192.0.2.1").status_code == 200

    def test_at_a_known_address_make_it_wait_too(self, customer, log_in):
        log_in()

        assert fail(log_in, 6) == [400] * 5 + [429]

    def test_that_are_refused_do_not_prolong_the_wait(self, customer, log_in, clean_redis):
        fail(log_in, 5)
        (count,) = [clean_redis.get(key) for key in clean_redis.keys("accounts:account:*:count")]

        fail(log_in, 20)

        assert [clean_redis.get(key) for key in clean_redis.keys("accounts:account:*:count")] == [count]

    def test_leave_no_address_readable_in_redis(self, customer, log_in, clean_redis):
        fail(log_in, 5)
        log_in(email="other@example.org")

        assert not [key for key in clean_redis.keys("*") if b"@" in key or b"127.0.0.1" in key]

    def test_are_counted_while_redis_is_away(self, customer, log_in, without_redis):
        statuses = fail(log_in, 6)

        assert statuses == [400] * 5 + [429]
        assert 0 < int(log_in()["Retry-After"]) <= 30

    def test_do_not_keep_anybody_out_while_redis_is_away(self, customer, log_in, without_redis):
        assert log_in().status_code == 200


class TestMemoryCounters:
    def test_give_way_to_new_names_when_full(self, monkeypatch):
        counters = attempts.in_process
        monkeypatch.setattr(counters, "capacity", 2)

        for name in ("one", "two", "three"):
            counters.increment(name, 60)

        assert [counters.increment(name, 60) for name in ("three", "one")] == [2, 1]

    def test_forget_by_themselves(self, monkeypatch):
        counters, now = attempts.in_process, time.monotonic()
        counters.hold("name", 30)

        monkeypatch.setattr("nexus.accounts.services.counters.monotonic", lambda: now + 31)

        assert counters.remaining(["name"]) == [0]

    def test_hold_a_free_name_once(self):
        assert attempts.in_process.hold("name", 30, only_if_free=True)
        assert not attempts.in_process.hold("name", 30, only_if_free=True)


class TestMails:
    def test_that_cannot_be_sent_do_not_undo_the_registration(self, api, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

        answer = APIClient().post(f"{BASE}/register", {"email": "eve@example.org", "password": PASSWORD})

        assert answer.status_code == 201
        assert registration.store.stream(answer.json()["id"])
