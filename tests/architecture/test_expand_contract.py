"""The linter of migrations: what the version before could not live with is found, the rest is left alone."""

from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.state import ModelState, ProjectState

from tests.architecture import expand_contract
from tests.architecture.expand_contract import findings_in

BEFORE = ProjectState(
    {
        ("toys", "lamp"): ModelState(
            "toys",
            "Lamp",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("colour", models.TextField(null=True)),
                ("size", models.IntegerField(default=1)),
            ],
        )
    }
)


def findings(*operations: Any, **more: Any) -> list[str]:
    """Of a migration with these operations, and attributes."""
    kind = type("Migration", (migrations.Migration,), {"operations": list(operations), **more})
    return list(findings_in(kind("0002_planted", "toys"), BEFORE))


class TestTheLinter:
    @pytest.mark.parametrize(
        "operation",
        [
            migrations.RemoveField("lamp", "colour"),
            migrations.RenameField("lamp", "colour", "color"),
            migrations.DeleteModel("lamp"),
            migrations.RenameModel("lamp", "Light"),
            migrations.AlterModelTable("lamp", "light"),
            migrations.AddField("lamp", "shade", models.TextField(default="")),
            migrations.AlterField("lamp", "colour", models.TextField()),
            migrations.RunSQL("ALTER TABLE toys_lamp DROP COLUMN colour"),
            migrations.RunSQL(["ALTER TABLE toys_lamp RENAME TO light"]),
            migrations.RunSQL("ALTER TABLE toys_lamp ALTER COLUMN size TYPE bigint"),
            migrations.RunSQL("ALTER TABLE toys_lamp ALTER COLUMN colour SET NOT NULL"),
            migrations.SeparateDatabaseAndState(database_operations=[migrations.RunSQL("DROP TABLE toys_lamp")]),
        ],
        ids=lambda operation: type(operation).__name__,
    )
    def test_finds_what_old_code_could_not_live_with(self, operation: Any) -> None:
        assert len(findings(operation)) == 1

    @pytest.mark.parametrize(
        "operation",
        [
            migrations.AddField("lamp", "shade", models.TextField(null=True)),
            migrations.AddField("lamp", "shade", models.TextField(db_default="")),
            migrations.AlterField("lamp", "size", models.IntegerField(default=2)),
            migrations.CreateModel("Bulb", [("id", models.BigAutoField(primary_key=True))]),
            migrations.RunSQL("CREATE INDEX lamp_size ON toys_lamp (size)"),
            migrations.RunSQL("CREATE SEQUENCE lamps", "DROP SEQUENCE lamps"),
        ],
        ids=lambda operation: type(operation).__name__,
    )
    def test_leaves_alone_what_only_adds(self, operation: Any) -> None:
        assert findings(operation) == []

    def test_takes_the_word_of_who_says_since_when_nothing_uses_it(self) -> None:
        assert findings(migrations.RemoveField("lamp", "colour"), unused_since="0.2.0") == []


class TestTheTree:
    def test_is_clean(self) -> None:
        assert expand_contract.list_findings() == []

    def test_would_not_be_without_those_excused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(expand_contract, "BEFORE_THE_FIRST_RELEASE", frozenset())

        found = " ".join(expand_contract.list_findings())

        assert "orders.0004_notes_apart: RemoveField" in found
        assert "inventory.0003_ledger_versions: AddField" in found
