"""
Python runs this first in every process whose PYTHONPATH names this folder: the settings that a process asks for get a
witness beside them. So the steps of the document run as they are written.
"""

import os

WATCHED = {
    "": "tests.extraction.settings.monolith",
    "nexus.settings.monolith": "tests.extraction.settings.monolith",
    "nexus.settings.inventory": "tests.extraction.settings.inventory",
}
_asked_for = os.environ.get("DJANGO_SETTINGS_MODULE", "")
os.environ["DJANGO_SETTINGS_MODULE"] = WATCHED.get(_asked_for, _asked_for)
