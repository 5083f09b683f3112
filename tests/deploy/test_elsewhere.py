"""What the settings make of apps and databases that are elsewhere."""

import os
import subprocess
import sys

import pytest

from tests.deploy.tools import REPOSITORY

ASK = """
import os
from nexus.settings import monolith
place = monolith.DATABASES.get("inventory", {})
several = place.get("OPTIONS", {}).get("target_session_attrs", "")
print(monolith.APPS, sorted(monolith.DATABASES), place.get(os.environ.get("ASK_FOR", "HOST")), several)
"""


def settings_with(**environment: str) -> "subprocess.CompletedProcess[str]":
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("NEXUS_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-c", ASK],
        env=plain | {"NEXUS_DEMO": "1"} | environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )


class TestTheMonolith:
    def test_has_every_app(self) -> None:
        told = settings_with().stdout

        assert "['gateway', 'accounts', 'catalog', 'inventory', 'orders'] ['default', 'inventory', 'orders']" in told

    def test_is_without_an_app_that_is_elsewhere(self) -> None:
        told = settings_with(NEXUS_SERVICES="inventory=http://a:1").stdout

        assert "['gateway', 'accounts', 'catalog', 'orders'] ['default', 'orders'] None" in told

    def test_keeps_accounts_which_django_itself_needs(self) -> None:
        assert "'accounts'" in settings_with(NEXUS_SERVICES="accounts=http://a:1").stdout


class TestDatabasesElsewhere:
    def test_are_where_they_are_said_to_be(self) -> None:
        told = settings_with(NEXUS_POSTGRES_ELSEWHERE="inventory=postgresql://nexus:secret@stockroom:6000/nexus").stdout

        assert told.endswith(" stockroom \n")

    def test_may_be_a_primary_and_its_standbys(self) -> None:
        several = "orders=postgresql://nexus@o/nexus, inventory=postgresql://nexus@a:6000,b:6001/nexus?sslmode=require"

        told = settings_with(NEXUS_POSTGRES_ELSEWHERE=several, ASK_FOR="PORT").stdout

        assert told.endswith(" 6000,6001 read-write\n")

    @pytest.mark.parametrize("wrong", ["inventry=postgresql://secret@a/nexus", "inventory=secret", "secret"])
    def test_stop_the_start_when_they_are_named_wrongly_and_keep_their_passwords(self, wrong: str) -> None:
        said = settings_with(NEXUS_POSTGRES_ELSEWHERE=wrong).stderr

        assert "ImproperlyConfigured: NEXUS_POSTGRES_ELSEWHERE" in said
        assert "secret" not in said.splitlines()[-1]
