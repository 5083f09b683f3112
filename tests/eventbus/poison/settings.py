"""The toys alone: their database, their subscriber."""

from nexus.settings.base import *  # noqa: F403
from nexus.settings.base import postgres

APPS: list[str] = []
INSTALLED_APPS = ["nexus.eventbus", "tests.eventbus.poison"]
DATABASES = {"default": postgres("toys")}
