"""Inventory alone as it is, with a witness."""

from nexus.settings.inventory import *  # noqa: F403
from nexus.settings.inventory import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.witness.Witness"]
