"""The gateway alone: the front door without anything behind it in this process."""

from nexus.settings.base import *  # noqa: F403
from nexus.settings.base import EDGE_MIDDLEWARE, SHARED_APPS

APPS = ["gateway"]
INSTALLED_APPS = [*SHARED_APPS, "nexus.gateway"]
MIDDLEWARE = [*EDGE_MIDDLEWARE, "nexus.gateway.middleware.front_door", "whitenoise.middleware.WhiteNoiseMiddleware"]
