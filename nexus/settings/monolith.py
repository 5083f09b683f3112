"""Everything in one project: the default."""

from nexus.settings.base import *  # noqa: F403
from nexus.settings.base import (
    EDGE_MIDDLEWARE,
    REST_FRAMEWORK,
    SHARED_APPS,
    SPECTACULAR_SETTINGS,
    STAFF_APPS,
    STAFF_MIDDLEWARE,
    postgres,
)
from nexus.settings.staff import *  # noqa: F403
from nexus.settings.staff import STAFF_TEMPLATES

APPS = ["gateway", "accounts", "catalog", "inventory", "orders"]
INSTALLED_APPS = [*STAFF_APPS, *SHARED_APPS, *(f"nexus.{app}" for app in APPS)]
MIDDLEWARE = [*EDGE_MIDDLEWARE, "nexus.gateway.middleware.front_door", *STAFF_MIDDLEWARE]
TEMPLATES = STAFF_TEMPLATES
DATABASES = {"default": postgres("accounts"), "orders": postgres("orders"), "inventory": postgres("inventory")}
REST_FRAMEWORK = REST_FRAMEWORK | {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "nexus.web.authentication.BearerToken",
        "nexus.accounts.api.authentication.BrowserSession",
    ]
}
SPECTACULAR_SETTINGS = SPECTACULAR_SETTINGS | {
    # Two apps have a field called status; generated clients get a name for each.
    "ENUM_NAME_OVERRIDES": {
        "OrderStatus": "nexus.orders.models.Status",
        "ProductStatus": [("draft", "draft"), ("published", "published"), ("archived", "archived")],
    }
}
