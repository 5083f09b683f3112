"""Accounts alone, with the OAuth 2 issuer and the admin of its own tables."""

from nexus.settings.base import *  # noqa: F403
from nexus.settings.base import EDGE_MIDDLEWARE, REST_FRAMEWORK, SHARED_APPS, STAFF_APPS, STAFF_MIDDLEWARE, postgres
from nexus.settings.staff import *  # noqa: F403
from nexus.settings.staff import STAFF_TEMPLATES

APPS = ["accounts"]
INSTALLED_APPS = [*STAFF_APPS, *SHARED_APPS, "nexus.accounts"]
MIDDLEWARE = [*EDGE_MIDDLEWARE, *STAFF_MIDDLEWARE]
TEMPLATES = STAFF_TEMPLATES
DATABASES = {"default": postgres("accounts")}
REST_FRAMEWORK = REST_FRAMEWORK | {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "nexus.web.authentication.BearerToken",
        "nexus.accounts.api.authentication.BrowserSession",
    ]
}
