"""Databases as they were at a moment, to be brought back each by itself, as from backups of different moments."""

from typing import Any

from django.db import connections

from nexus.catalog.models.connection import database

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
SEQUENCES = """
SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
"""


class PostgresMoment:
    """All rows of a database, and where its sequences stand."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        with connections[alias].cursor() as cursor:
            cursor.execute(TABLES)
            names = [name for [name] in cursor.fetchall()]
            cursor.execute(SEQUENCES)
            self._sequences = cursor.fetchall()
            self._rows = {name: self._copied(cursor, name) for name in names}

    def bring_back(self) -> None:
        with connections[self._alias].cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(self._rows)} CASCADE")
            cursor.execute("SET session_replication_role = replica")
            for name, rows in self._rows.items():
                with cursor.copy(f"COPY {name} FROM STDIN") as target:
                    target.write(rows)
            cursor.execute("SET session_replication_role = DEFAULT")
            for name, value in self._sequences:
                cursor.execute("SELECT setval(%s::regclass, %s)", [name, value])

    @staticmethod
    def _copied(cursor: Any, name: str) -> bytes:
        with cursor.copy(f"COPY {name} TO STDOUT") as source:
            return b"".join(bytes(block) for block in source)


class MongoMoment:
    """All documents of the catalog."""

    def __init__(self) -> None:
        names = database().list_collection_names()
        self._documents = {name: list(database()[name].find()) for name in names}

    def bring_back(self) -> None:
        for name in database().list_collection_names():
            database()[name].delete_many({})
            if documents := self._documents.get(name):
                database()[name].insert_many(documents)
