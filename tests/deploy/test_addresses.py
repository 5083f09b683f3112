"""What a process connects to Postgres with, by its address in the environment."""

import json
import os
import subprocess
import sys
from typing import Any

NAMED = """
import json, django
django.setup()
from django.db import connections
from nexus.eventbus.stores.postgres_rows import parameters_of
print(json.dumps(parameters_of("orders"), default=str))
"""


class TestAPrimaryAmongSeveral:
    def test_is_what_the_settings_ask_for(self) -> None:
        found = parameters_as_set("postgresql://nexus@a:5433,b/shop?sslmode=require&options=-c%20jit%3Doff")

        assert (found["host"], found["port"], found["dbname"]) == ("a,b", "5433,", "shop_orders")
        assert (found["target_session_attrs"], found["sslmode"]) == ("read-write", "require")
        assert found["options"].startswith("-c statement_timeout=")
        assert found["options"].endswith(" -c jit=off")

    def test_is_not_asked_for_where_one_is_named(self) -> None:
        assert "target_session_attrs" not in parameters_as_set("postgresql://nexus@a:5433/shop")


def parameters_as_set(url: str) -> dict[str, Any]:
    """What a process with this address connects with."""
    environment = os.environ | {"NEXUS_POSTGRES_URL": url, "DJANGO_SETTINGS_MODULE": "nexus.settings.orders"}
    done = subprocess.run([sys.executable, "-c", NAMED], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
