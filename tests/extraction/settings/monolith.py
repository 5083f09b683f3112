"""The monolith as it is, with a witness; and on request without a guard."""

from nexus.settings.monolith import *  # noqa: F403
from nexus.settings.monolith import INSTALLED_APPS
from tests.extraction.sabotage import take_away

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.witness.Witness"]
take_away()
