"""The whole examination, in the order in which one would look."""

import shutil
from collections.abc import Iterator

from django.conf import settings

from nexus.eventbus.doctor.diagnosis import Diagnosis, broken, poorly, well
from nexus.eventbus.doctor.engines import look_at_broker, look_at_databases, look_at_redis
from nexus.eventbus.doctor.events import look_at_logs

LEAST_FREE = 0.05
"""Of the disk: databases that cannot write stop."""


def examine() -> Iterator[Diagnosis]:
    """Look at everything that this process's apps use; changes nothing, and waits for nothing longer than they do."""
    yield from _look_at_settings()
    yield from look_at_databases()
    yield from look_at_redis()
    yield from look_at_broker()
    yield from look_at_logs()


def _look_at_settings() -> Iterator[Diagnosis]:
    if settings.DEBUG:
        yield broken("settings", "DEBUG is on", "Never where customers are: error pages show code and settings.")
    if settings.DEMO:
        advice = "Its logins lie in NEXUS_VAR/demo.json: never where customers are."
        yield poorly("settings", "this is a demo (NEXUS_DEMO=1)", advice)
    else:
        yield well("settings", "no demo, no debugging")
    if settings.VAR_DIR.is_dir():
        usage = shutil.disk_usage(settings.VAR_DIR)
        if usage.free < LEAST_FREE * usage.total:
            seen = f"{usage.free // 2**20} MB are left for {settings.VAR_DIR}"
            yield broken("disk", seen, "Make room: engines that cannot write stop.")
