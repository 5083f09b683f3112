"""Inventory alone: its API, its database, its subscriber. Tokens are verified by the keys of NEXUS_JWKS_URL."""

from nexus.settings.base import *  # noqa: F403
from nexus.settings.base import NO_DATABASE, SHARED_APPS, postgres

APPS = ["inventory"]
INSTALLED_APPS = [*SHARED_APPS, "nexus.inventory"]
DATABASES = {"default": NO_DATABASE, "inventory": postgres("inventory")}
