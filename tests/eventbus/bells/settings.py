"""The bells alone: no app of the shop, three databases."""

from nexus.settings.base import *  # noqa: F403
from nexus.settings.base import SHARED_APPS, postgres

APPS: list[str] = []
INSTALLED_APPS = [*SHARED_APPS, "tests.eventbus.bells"]
DATABASES = {"default": postgres("bells"), "anna": postgres("anna"), "ben": postgres("ben")}
