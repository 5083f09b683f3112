"""Orders alone: its API, its database, its subscriber. Tokens are verified by the keys of NEXUS_JWKS_URL."""

from nexus.settings.base import *  # noqa: F403
from nexus.settings.base import NO_DATABASE, SHARED_APPS, postgres

APPS = ["orders"]
INSTALLED_APPS = [*SHARED_APPS, "nexus.orders"]
DATABASES = {"default": NO_DATABASE, "orders": postgres("orders")}
