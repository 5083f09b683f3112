"""The bus and the ticks, nothing else."""

from nexus.settings.base import *  # noqa: F403
from nexus.settings.base import NO_DATABASE, SHARED_APPS, postgres

APPS: list[str] = []
INSTALLED_APPS = [*SHARED_APPS, "benchmarks.bus.apps.BenchmarkConfig"]
DATABASES = {"default": NO_DATABASE, "orders": postgres("ticks")}
