"""Whether staff come in by the same door as customers."""

import os
import subprocess
import sys

import pytest

ASK = """
import django
django.setup()
from django.test import Client
answer, front = (Client().get(path, HTTP_HOST="localhost") for path in ("/admin/login/", "/"))
print(answer.status_code, answer.headers["Content-Type"], "/admin" in front.content.decode())
"""


def said_with(**environment: str) -> str:
    """How a web process of these settings answers staff, and whether its front page leads them there."""
    named = {"DJANGO_SETTINGS_MODULE": "nexus.settings.monolith", "NEXUS_RATE_LIMIT": "0"}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=os.environ | named | environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestTheDoorForStaff:
    @pytest.mark.parametrize("demo_or_told", [{"NEXUS_DEMO": "1"}, {"NEXUS_DEMO": "1", "NEXUS_STAFF_PAGES": "1"}])
    def test_is_here_in_a_demo_and_where_settings_say_so(self, demo_or_told: dict[str, str]) -> None:
        assert said_with(**demo_or_told).startswith("200 text/html")
        assert said_with(**demo_or_told).endswith("True")

    def test_is_elsewhere_where_settings_say_so(self) -> None:
        assert said_with(NEXUS_DEMO="1", NEXUS_STAFF_PAGES="0") == "404 text/html; charset=utf-8 False"

    def test_is_elsewhere_outside_a_demo(self) -> None:
        secret = {"NEXUS_SECRET_KEY": "s" * 50, "NEXUS_SIGNING_KEY": signing_key()}

        assert said_with(NEXUS_DEMO="0", **secret).startswith("404 ")


def signing_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
