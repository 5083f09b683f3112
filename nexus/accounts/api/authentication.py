"""A person with a browser: the session cookie counts as a token, for the browsable API."""

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from nexus.accounts.models import Customer
from nexus.accounts.selectors import list_scopes
from nexus.web.principal import Principal


class BrowserSession(SessionAuthentication):
    """Whoever is logged in, with the scopes that a token of theirs would hold. Changes need Django's CSRF token."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        customer = getattr(request._request, "user", None)
        if not isinstance(customer, Customer):
            return None
        self.enforce_csrf(request)
        scopes = frozenset(list_scopes(owner=customer))
        return Principal(customer_id=customer.pk, client_id="browser", scopes=scopes, label=str(customer)), None


class BrowserSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes it."""

    target_class = BrowserSession
    name = "browserSession"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
