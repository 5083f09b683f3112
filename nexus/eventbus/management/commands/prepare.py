"""Bring every store this process knows to where the code wants it: databases, tables, indexes, broker."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections
from psycopg import sql

from nexus.eventbus import bus
from nexus.eventbus.stores.postgres_rows import parameters_of

CREATE_ROLE = "CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {password}"
"""With our password, where we have one. A role that is there already keeps its own."""
ROLE = (
    "REVOKE ALL ON DATABASE {name} FROM PUBLIC",
    "GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {name}",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO {name}",
    "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO {name}",
    "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {name}",
    # What a later migration makes is theirs too.
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO {name}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO {name}",
)


class Command(BaseCommand):
    help = "Create databases, migrate them all, create indexes, declare the broker's queues. Safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--roles",
            action="store_true",
            help="give each database a role of its name, which may read and write there and reaches no other",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for alias in [alias for alias, each in settings.DATABASES.items() if not each["ENGINE"].endswith("dummy")]:
            with self._one_at_a_time(alias) as server:
                self._create(alias, server)
                call_command("migrate", database=alias, interactive=False, verbosity=0)
                if options["roles"]:
                    self._give_role(alias)
            self.stdout.write(f"database {connections[alias].settings_dict['NAME']} is ready")
        for config in apps.get_app_configs():
            if prepare := getattr(config, "prepare", None):
                prepare()
                self.stdout.write(f"{config.verbose_name} is ready")
        bus.backend().prepare()

    @staticmethod
    def _give_role(alias: str) -> None:
        name, password = (connections[alias].settings_dict[key] for key in ("NAME", "PASSWORD"))
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
            for statement in ROLE if cursor.fetchone() else (CREATE_ROLE, *ROLE):
                parts = {"name": sql.Identifier(name), "password": sql.Literal(password or None)}
                cursor.execute(sql.SQL(statement).format(**parts).as_string())

    @staticmethod
    @contextmanager
    def _one_at_a_time(alias: str) -> Iterator[psycopg.Connection]:
        """A connection to the server, which another `prepare` of the same database waits for."""
        # The database may not be there yet, and to make it takes as long as it takes.
        beside = parameters_of(alias) | {"dbname": "postgres", "options": "", "connect_timeout": 5}
        with psycopg.connect(**beside, autocommit=True) as server:
            name = connections[alias].settings_dict["NAME"]
            server.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
            yield server

    @staticmethod
    def _create(alias: str, server: psycopg.Connection) -> None:
        name = connections[alias].settings_dict["NAME"]
        if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
