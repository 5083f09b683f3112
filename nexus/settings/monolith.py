"""Everything in one project, but for what NEXUS_SERVICES says is elsewhere: the default."""

from nexus.settings.base import *  # noqa: F403
from nexus.settings.base import (
    EDGE_MIDDLEWARE,
    REST_FRAMEWORK,
    SERVICES,
    SHARED_APPS,
    SPECTACULAR_SETTINGS,
    STAFF_APPS,
    STAFF_MIDDLEWARE,
    postgres,
)
from nexus.settings.staff import *  # noqa: F403
from nexus.settings.staff import STAFF_TEMPLATES

CAN_LEAVE = {"catalog", "inventory", "orders"}
"""Accounts stay: what Django and the staff's pages need is theirs."""
GONE = CAN_LEAVE & SERVICES.keys()
APPS = [app for app in ("gateway", "accounts", "catalog", "inventory", "orders") if app not in GONE]
INSTALLED_APPS = [*STAFF_APPS, *SHARED_APPS, *(f"nexus.{app}" for app in APPS)]
MIDDLEWARE = [*EDGE_MIDDLEWARE, "nexus.gateway.middleware.front_door", *STAFF_MIDDLEWARE]
TEMPLATES = STAFF_TEMPLATES
DATABASES = {"default": postgres("accounts"), "orders": postgres("orders"), "inventory": postgres("inventory")}
DATABASES = {alias: each for alias, each in DATABASES.items() if alias not in GONE}
REST_FRAMEWORK = REST_FRAMEWORK | {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "nexus.web.authentication.BearerToken",
        "nexus.accounts.api.authentication.BrowserSession",
    ]
}
SPECTACULAR_SETTINGS = SPECTACULAR_SETTINGS | {
    # Two apps have a field called status; generated clients get a name for each.
    "ENUM_NAME_OVERRIDES": {
        **({} if "orders" in GONE else {"OrderStatus": "nexus.orders.models.Status"}),
        "ProductStatus": [("draft", "draft"), ("published", "published"), ("archived", "archived")],
    }
}
