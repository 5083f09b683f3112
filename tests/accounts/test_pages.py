"""Logging in with a browser, and the browsable API."""

import pytest

from nexus.accounts.models import Customer

from .conftest import BASE, PASSWORD
from .person import log_in, submit

pytestmark = pytest.mark.django_db(transaction=True, databases=["default"])

HTML = {"HTTP_ACCEPT": "text/html,application/xhtml+xml,*/*;q=0.8"}


class TestLogin:
    def test_shows_a_page_with_a_form(self, browser):
        page = browser.get("/login")

        assert page.status_code == 200
        assert "<h1>Log in</h1>" in page.content.decode()
        assert "script-src 'self'" in page["Content-Security-Policy"]
        assert "<script" not in page.content.decode()

    def test_lets_a_customer_see_the_browsable_api(self, browser, customer):
        log_in(browser, next=f"{BASE}/me")

        page = browser.get(f"{BASE}/me", **HTML)

        assert page.status_code == 200
        assert page["Content-Type"].startswith("text/html")
        assert "Ada Lovelace" in page.content.decode()
        assert "Log out" in page.content.decode()

    def test_follows_next_within_the_site(self, browser, customer):
        assert log_in(browser, next=f"{BASE}/me")["Location"] == f"{BASE}/me"

    @pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", r"/\evil"])
    def test_follows_next_nowhere_else(self, browser, customer, elsewhere):
        assert log_in(browser, next=elsewhere)["Location"] == "/"

    def test_says_the_same_whichever_is_wrong(self, browser, customer):
        pages = [log_in(browser, password="wrong"), log_in(browser, email="nobody@example.org")]

        assert [page.status_code for page in pages] == [200, 200]
        assert all("enter a correct" in page.content.decode() for page in pages)

    def test_counts_failures_together_with_the_api(self, browser, api, customer):
        for _ in range(3):
            log_in(browser, password="wrong")
        for _ in range(2):
            api.post(f"{BASE}/token", {"email": customer.email, "password": "wrong"})

        page = log_in(browser)

        assert "Too many failed attempts" in page.content.decode()
        assert "sessionid" not in browser.cookies

    def test_needs_the_csrf_token(self, browser, customer):
        assert browser.post("/login", {"username": customer.email, "password": PASSWORD}).status_code == 403

    def test_survives_odd_input(self, browser):
        assert log_in(browser, email="a\0b", password="\0").status_code == 200


class TestBrowserSession:
    def test_may_change_something_with_the_csrf_token_only(self, browser, customer):
        log_in(browser)
        options = {"data": {"name": "Changed"}, "content_type": "application/json"}

        without = browser.patch(f"{BASE}/me", **options)
        token = browser.cookies["csrftoken"].value
        given = browser.patch(f"{BASE}/me", **options, HTTP_X_CSRFTOKEN=token)

        assert (without.status_code, given.status_code) == (403, 200)

    def test_ends_with_a_logout(self, browser, customer):
        log_in(browser)

        submit(browser, "/logout", {})

        assert browser.get(f"{BASE}/me").status_code == 401

    def test_is_not_ended_by_a_mere_link(self, browser, customer):
        log_in(browser)

        page = browser.get("/logout")

        assert page.status_code == 200
        assert browser.get(f"{BASE}/me").status_code == 200

    def test_ends_when_the_customer_is_deactivated(self, browser, customer):
        log_in(browser)
        Customer.objects.update(is_active=False)

        assert browser.get(f"{BASE}/me").status_code == 401
