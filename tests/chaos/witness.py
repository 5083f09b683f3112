"""
Counts how often each event really took effect, by rows of its own that commit and roll back with the handlers.

The inbox is not asked, because it is what is being tested. Also counts the deliveries that did nothing.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import AppConfig
from django.conf import settings
from django.db import connections

TABLE = "chaos_witness"
ABSORBED = "absorbed"
"""A file in NEXUS_VAR with a number on each line: duplicates in one delivery."""

Work = Callable[[set[UUID]], None]


class Witness(AppConfig):
    name = "tests.chaos"
    verbose_name = "Witness"

    def ready(self) -> None:
        from nexus.eventbus.stores.mongo import MongoStore
        from nexus.eventbus.stores.postgres import PostgresStore
        from tests.chaos import sabotage

        if guard := os.environ.get("CHAOS_WITHOUT"):
            sabotage.SABOTAGE[guard]()
        _watch(PostgresStore, _note_in_postgres)
        _watch(MongoStore, _note_in_mongo)

    def prepare(self) -> None:
        """Make the tables."""
        for alias in settings.DATABASES.keys() & {"orders", "inventory"}:
            with connections[alias].cursor() as cursor:
                cursor.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} (subscriber text, event_id uuid)")


def _watch(kind: Any, note: Callable[[Any, str, Iterable[UUID]], None]) -> None:
    apply_once = kind.apply_once

    @wraps(apply_once)
    def watched(store: Any, *, subscriber: str, ids: Sequence[UUID], work: Work) -> set[UUID]:
        def work_and_note(fresh: set[UUID]) -> None:
            work(fresh)
            note(store, subscriber, fresh)

        fresh: set[UUID] = apply_once(store, subscriber=subscriber, ids=ids, work=work_and_note)
        if duplicates := len(ids) - len(fresh):
            with Path(settings.VAR_DIR, ABSORBED).open("a") as file:
                file.write(f"{duplicates}\n")
        return fresh

    kind.apply_once = watched


def _note_in_postgres(store: Any, subscriber: str, applied: Iterable[UUID]) -> None:
    with connections[store.database].cursor() as cursor:
        cursor.execute(f"INSERT INTO {TABLE} SELECT %s, unnest(%s::uuid[])", [subscriber, list(applied)])


def _note_in_mongo(store: Any, subscriber: str, applied: Iterable[UUID]) -> None:
    from nexus.eventbus.stores.mongo import current_session

    rows = [{"subscriber": subscriber, "event_id": str(identity)} for identity in applied]
    store.database[TABLE].insert_many(rows, session=current_session())
