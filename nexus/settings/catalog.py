"""Catalog alone: its API, MongoDB, its subscriber. Tokens are verified by the keys of NEXUS_JWKS_URL."""

from nexus.settings.base import *  # noqa: F403
from nexus.settings.base import SHARED_APPS

APPS = ["catalog"]
INSTALLED_APPS = [*SHARED_APPS, "nexus.catalog"]
