"""The monolith as it is, with a witness beside it and, on request, one of its guards taken away."""

from nexus.settings.monolith import *  # noqa: F403
from nexus.settings.monolith import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.witness.Witness"]
