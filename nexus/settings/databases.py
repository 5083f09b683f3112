"""Where each app's database in Postgres is, and how one connects to it."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from nexus.eventbus.postgresql.connection import PatientConnection
from nexus.settings.environment import Environment

ON_POSTGRES = ("accounts", "orders", "inventory")
PLACE = ("host", "port", "user", "password", "dbname", "options")


def servers(env: Environment) -> dict[str, dict[str, str]]:
    """
    The servers in libpq's terms: the one that all share by the name ``""``, others by the app that has its own.

    :raises ImproperlyConfigured: an address is none, or of no app here; a typo must not silently mean the shared one
    """
    others = env.conninfos("NEXUS_POSTGRES_ELSEWHERE")
    if unknown := others.keys() - set(ON_POSTGRES):
        raise ImproperlyConfigured(
            f"NEXUS_POSTGRES_ELSEWHERE names the URLs of {', '.join(ON_POSTGRES)}, not of {', '.join(sorted(unknown))}"
        )
    found = {"": env.conninfo("NEXUS_POSTGRES_URL", password="NEXUS_POSTGRES_PASSWORD")} | others
    for server in found.values():
        if "," in server["host"]:
            # Of several one is the primary; which one changes when it fails.
            server.setdefault("target_session_attrs", "read-write")
    return found


def database(name: str, *, server: Mapping[str, str], env: Environment) -> dict[str, Any]:
    """What Django wants to know of the database on that server whose name ends with `name`."""
    place = {each: server.get(each, "") for each in PLACE}
    return {
        "ENGINE": "nexus.eventbus.postgresql",
        "NAME": f"{place['dbname']}_{name}",
        "HOST": place["host"],
        "PORT": place["port"] or "5432",
        "USER": place["user"],
        "PASSWORD": place["password"],
        # No test database needs another's: an app alone has only its own.
        "TEST": {"DEPENDENCIES": []},
        "OPTIONS": {
            "connect_timeout": 3,
            # Django says never, and then not even who asks for it gets a statement prepared. Its own never are.
            "prepare_threshold": 5,
            # A request waits long neither for a connection nor for a lock nor for a statement. TCP notices a server
            # that has vanished, `PatientConnection` one that takes packets and never answers.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "pool": {
                "min_size": 0,
                "max_size": env.number("NEXUS_POSTGRES_POOL"),
                "timeout": 3,
                "connection_class": PatientConnection,
                # Left to itself the pool would try to replace a lost connection for minutes, ever more rarely, and
                # make nobody another meanwhile: the server would be back, and we would not know.
                "reconnect_timeout": 1,
            },
            "options": f"-c statement_timeout={env.number('NEXUS_STATEMENT_SECONDS') * 1000} -c lock_timeout=5000 "
            f"-c idle_in_transaction_session_timeout=60000 -c random_page_cost=1.1 {place['options']}".rstrip(),
            # Whatever else the address says, such as sslmode.
            **{each: value for each, value in server.items() if each not in PLACE},
        },
    }
