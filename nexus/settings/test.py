"""The monolith as the tests run it: made-up secrets, fast password hashing, mails kept in memory."""

import os

os.environ.setdefault("NEXUS_DEMO", "1")

from nexus.settings.monolith import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
RATE_LIMIT = (0, 1)
