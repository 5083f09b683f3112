"""What the tests of accounts share: customers, a shop window to log in at, and nothing left of the last test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from oauth2_provider.models import Application
from rest_framework.test import APIClient

from nexus.accounts.models import Customer
from nexus.accounts.services import attempts

from .oauth_client import CALLBACK, SECRET

PASSWORD = "correct horse battery staple"
BASE = "/api/v1/accounts"


@pytest.fixture(autouse=True)
def fresh_counters(clean_redis: Any) -> Iterator[None]:
    """No failed login of another test counts in this one, and Redis is asked whatever became of it there."""
    attempts.in_process.clear()
    attempts.wake()
    yield
    attempts.in_process.clear()
    attempts.wake()


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Argon2 is slow on purpose; what is about it says so."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def customer(db: None) -> Customer:
    return Customer.objects.create_user("ada@example.org", PASSWORD, name="Ada Lovelace")


@pytest.fixture
def log_in(api: APIClient) -> Callable[..., Any]:
    """Posts credentials to the token endpoint and gives the answer as it is."""

    def post(email: str = "ada@example.org", password: str = PASSWORD, **extra: Any) -> Any:
        return api.post(f"{BASE}/token", {"email": email, "password": password}, **extra)

    return post


@pytest.fixture
def tokens(customer: Customer, log_in: Callable[..., Any]) -> dict[str, Any]:
    """A token pair of the customer."""
    answer = log_in()
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.fixture
def partner(db: None) -> Application:
    """A public client of somebody else."""
    return Application.objects.create(
        client_id="partner",
        name="Partner",
        client_type="public",
        authorization_grant_type="authorization-code",
        redirect_uris=CALLBACK,
        algorithm="RS256",
    )


@pytest.fixture
def robot(db: None) -> Application:
    """A confidential client that acts for itself."""
    return Application.objects.create(
        client_id="robot",
        client_secret=SECRET,
        client_type="confidential",
        authorization_grant_type="client-credentials",
    )


@pytest.fixture
def web(customer: Customer) -> Client:
    """A browser of the customer, logged in."""
    browser = Client(raise_request_exception=False)
    browser.force_login(customer)
    return browser


@pytest.fixture
def boss(db: None) -> Customer:
    """A superuser."""
    return Customer.objects.create_superuser("boss@example.org", PASSWORD)


@pytest.fixture
def browser() -> Client:
    """A browser of nobody yet, CSRF checks included."""
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


def with_token(token: str) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}
