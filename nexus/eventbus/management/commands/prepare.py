"""Bring every store this process knows to where the code wants it: databases, tables, indexes, broker."""

from typing import Any

import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections
from psycopg import sql

from nexus.eventbus import bus


class Command(BaseCommand):
    help = "Create databases, migrate them all, create indexes, declare the broker's queues. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        for alias in [alias for alias, each in settings.DATABASES.items() if not each["ENGINE"].endswith("dummy")]:
            self._create(alias)
            call_command("migrate", database=alias, interactive=False, verbosity=0)
            self.stdout.write(f"database {connections[alias].settings_dict['NAME']} is ready")
        for config in apps.get_app_configs():
            if prepare := getattr(config, "prepare", None):
                prepare()
                self.stdout.write(f"{config.verbose_name} is ready")
        bus.backend().prepare()

    @staticmethod
    def _create(alias: str) -> None:
        wanted = connections[alias].settings_dict
        server = psycopg.connect(
            host=wanted["HOST"],
            port=wanted["PORT"],
            user=wanted["USER"],
            password=wanted["PASSWORD"],
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )
        with server:
            if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [wanted["NAME"]]).fetchone() is None:
                server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(wanted["NAME"])))
