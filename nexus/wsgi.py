"""The web process. With the in-process bus it also carries events to their subscribers."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nexus.settings.monolith")
application = get_wsgi_application()

from nexus.eventbus import bus  # noqa: E402

bus.start_in_web_process()
