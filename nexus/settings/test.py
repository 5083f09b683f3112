"""The monolith as the tests run it: made-up secrets, fast password hashing, stores that may be emptied."""

import os
from urllib.parse import urlsplit

from nexus.settings.environment import VARIABLES

os.environ.setdefault("NEXUS_DEMO", "1")


def _at(name: str, path: str) -> None:
    """Tests empty what they use: never the database that an address really names, always one beside it."""
    url = urlsplit(os.environ.get(name) or VARIABLES[name].default)
    os.environ[name] = url._replace(path=path).geturl()


_at("NEXUS_MONGO_URL", "/nexus_catalog_test")
_at("NEXUS_REDIS_URL", "/15")

from nexus.settings.monolith import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

RATE_LIMIT = (0, 1)
