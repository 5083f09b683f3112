"""The monolith with failpoints in it."""

from nexus.settings.monolith import *  # noqa: F403
from nexus.settings.monolith import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.failpoints"]
