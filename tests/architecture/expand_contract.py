"""
Finds migrations that the version before could not live with: ``python -m tests.architecture.expand_contract``.

While a release is rolled out, old processes work on new tables. So a migration may add; what it makes superfluous goes
with a later one, which says from which release on no code has used it: ``unused_since = "0.2.0"`` in the Migration
(D. Sato, "ParallelChange", 2014).
"""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import django
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.models.fields import NOT_PROVIDED

BEFORE_THE_FIRST_RELEASE = frozenset({("inventory", "0003_ledger_versions"), ("orders", "0004_notes_apart")})
"""No shop was ever between these and what came before."""
TAKE_AWAY = (
    migrations.RemoveField,
    migrations.DeleteModel,
    migrations.RenameField,
    migrations.RenameModel,
    migrations.AlterModelTable,
)
IN_SQL = re.compile(
    r"\bDROP\s+(?:TABLE|COLUMN|SEQUENCE|FUNCTION|VIEW|SCHEMA)\b|\bRENAME\s+(?:TO|COLUMN)\b|\bSET\s+NOT\s+NULL\b"
    r"|\bALTER\s+COLUMN\s+\S+\s+(?:SET\s+DATA\s+)?TYPE\b|\bTRUNCATE\b",
    re.IGNORECASE,
)
LATER = "what is superfluous goes in a later release; then say `unused_since` in the Migration"


def findings_in(migration: Any, before: ProjectState) -> Iterator[str]:
    """What the version before could not live with, a sentence each; `before` is how the tables were then."""
    if getattr(migration, "unused_since", ""):
        return
    for operation in _operations(migration.operations):
        if why := _fault_of(operation, before, migration.app_label):
            yield f"{type(operation).__name__}: {why}"


def _operations(operations: Sequence[Any]) -> Iterator[Any]:
    for operation in operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from _operations(operation.database_operations)
        else:
            yield operation


def _fault_of(operation: Any, before: ProjectState, app: str) -> str:
    if isinstance(operation, TAKE_AWAY):
        return f"old code still uses it: {LATER}"
    if isinstance(operation, migrations.AddField) and _must_be_given(operation.field):
        return f"old code does not fill in {operation.name}: give it a db_default, or let it be null"
    if isinstance(operation, migrations.AlterField) and _must_be_given(operation.field):
        field = before.models[app, operation.model_name_lower].fields[operation.name]
        return f"old code may leave {operation.name} empty: give it a db_default" if field.null else ""
    if isinstance(operation, migrations.RunSQL) and (found := IN_SQL.search(_text_of(operation.sql))):
        return f"{found[0]!r}: {LATER}"
    return ""


def _must_be_given(field: Any) -> bool:
    if isinstance(field, models.ManyToManyField) or getattr(field, "primary_key", False):
        return False
    return not field.null and field.db_default is NOT_PROVIDED


def _text_of(sql: Any) -> str:
    if isinstance(sql, str):
        return sql
    return "\n".join(each if isinstance(each, str) else each[0] for each in sql)


def list_findings() -> list[str]:
    """Of every migration of ours that is not excused."""
    loader = MigrationLoader(None)
    ours = {key: each for key, each in loader.disk_migrations.items() if each.__module__.startswith("nexus.")}
    found = []
    for key in sorted(ours.keys() - BEFORE_THE_FIRST_RELEASE):
        before = loader.project_state(key, at_end=False)
        found += [f"{'.'.join(key)}: {sentence}" for sentence in findings_in(ours[key], before)]
    return found


def main() -> int:
    """The exit status: 1 when there is one."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nexus.settings.monolith")
    os.environ.setdefault("NEXUS_DEMO", "1")
    django.setup()
    found = list_findings()
    print(*(found or ["every migration leaves the version before alive"]), sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
