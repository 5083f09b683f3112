"""The admin: its login, customers, and what staff may not do to one another."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from oauth2_provider.models import RefreshToken

from nexus.accounts.models import Customer
from nexus.eventbus.models import EventRecord

from .conftest import PASSWORD
from .person import log_in

pytestmark = pytest.mark.django_db(transaction=True, databases=["default"])


@pytest.fixture
def desk(boss):
    """The admin as a superuser sees it."""
    browser = Client(raise_request_exception=False)
    browser.force_login(boss)
    return browser


class TestAdminLogin:
    def test_lets_staff_in(self, browser, boss):
        answer = log_in(browser, "/admin/login/", email=boss.email, next="/admin/")

        assert answer["Location"] == "/admin/"
        assert browser.get("/admin/").status_code == 200

    def test_keeps_customers_out(self, browser, customer):
        assert log_in(browser, "/admin/login/").status_code == 200
        assert browser.get("/admin/").status_code == 302

    def test_makes_guessers_wait(self, browser, boss):
        for _ in range(5):
            log_in(browser, "/admin/login/", email=boss.email, password="wrong")

        page = log_in(browser, "/admin/login/", email=boss.email)

        assert "Too many failed attempts" in page.content.decode()


class TestAdmin:
    def test_lists_and_searches_customers(self, desk, customer):
        page = desk.get("/admin/accounts/customer/?q=lovelace").content.decode()

        assert "ada@example.org" in page
        assert "1 customer" in page

    def test_adds_a_customer_and_tells_the_fact(self, desk):
        form = {"email": "Eve@Example.org", "name": "Eve", "usable_password": "true"}

        desk.post("/admin/accounts/customer/add/", form | {"password1": PASSWORD, "password2": PASSWORD})

        added = Customer.objects.get(email="eve@example.org")
        assert added.check_password(PASSWORD)
        assert EventRecord.objects.get().subject == str(added.pk)

    def test_refuses_a_taken_address_in_another_spelling(self, desk, customer):
        form = {"email": "ADA@example.org", "name": "", "usable_password": "true"}

        page = desk.post("/admin/accounts/customer/add/", form | {"password1": PASSWORD, "password2": PASSWORD})

        assert page.status_code == 200
        assert "already exists" in page.content.decode()

    def test_ends_every_session_with_a_new_password(self, desk, tokens, customer):
        form = {"usable_password": "true", "password1": PASSWORD + "!", "password2": PASSWORD + "!"}

        answer = desk.post(f"/admin/accounts/customer/{customer.pk}/password/", form)

        assert answer.status_code == 302
        assert Customer.objects.get(pk=customer.pk).check_password(PASSWORD + "!")
        assert not RefreshToken.objects.filter(revoked=None).exists()

    def test_erases_instead_of_deleting(self, desk, customer):
        form = {"action": "erase", "_selected_action": [str(customer.pk)]}

        desk.post("/admin/accounts/customer/", form)

        assert not Customer.objects.get(pk=customer.pk).is_active
        assert desk.get(f"/admin/accounts/customer/{customer.pk}/delete/").status_code == 403

    def test_does_not_erase_staff(self, desk, boss):
        page = desk.post(
            "/admin/accounts/customer/", {"action": "erase", "_selected_action": [str(boss.pk)]}, follow=True
        )

        assert "cannot be erased" in page.content.decode()
        assert Customer.objects.get().is_active

    @pytest.mark.parametrize("kind", ["accesstoken", "refreshtoken", "application", "grant", "idtoken"])
    def test_shows_no_token(self, desk, tokens, kind):
        listed = desk.get(f"/admin/oauth2_provider/{kind}/")
        opened = desk.get(f"/admin/oauth2_provider/{kind}/1/change/", follow=True)

        assert listed.status_code == 200
        for page in (listed.content.decode(), opened.content.decode()):
            assert tokens["access_token"][-20:] not in page
            assert tokens["refresh_token"][-20:] not in page


class TestStaffInTheAdmin:
    @pytest.fixture
    def clerk(self, customer):
        """Staff who may change customers, and nothing else."""
        clerk = Customer.objects.create_user("clerk@example.org", PASSWORD, is_staff=True)
        wanted = Permission.objects.filter(codename__in=["view_customer", "change_customer"])
        clerk.user_permissions.set(wanted)
        browser = Client(raise_request_exception=False)
        browser.force_login(clerk)
        return browser

    def test_change_customers(self, clerk, customer):
        form = {"email": customer.email, "name": "Renamed", "is_active": "on"}

        clerk.post(f"/admin/accounts/customer/{customer.pk}/change/", form)

        assert Customer.objects.get(pk=customer.pk).name == "Renamed"
        assert LogEntry.objects.get().object_id == str(customer.pk)

    def test_hand_out_no_rights(self, clerk, customer):
        form = {"email": customer.email, "name": "", "is_active": "on", "is_staff": "on", "is_superuser": "on"}

        clerk.post(f"/admin/accounts/customer/{customer.pk}/change/", form)

        changed = Customer.objects.get(pk=customer.pk)
        assert (changed.is_staff, changed.is_superuser) == (False, False)

    @pytest.mark.parametrize("page", ["change", "password"])
    def test_do_not_touch_those_who_have_rights(self, clerk, boss, page):
        form = {"email": "taken@example.org", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}

        answer = clerk.post(f"/admin/accounts/customer/{boss.pk}/{page}/", form)

        assert answer.status_code == 403
        assert Customer.objects.get(pk=boss.pk).email == "boss@example.org"

    def test_do_not_erase(self, clerk, customer):
        clerk.post("/admin/accounts/customer/", {"action": "erase", "_selected_action": [str(customer.pk)]})

        assert Customer.objects.get(pk=customer.pk).is_active
