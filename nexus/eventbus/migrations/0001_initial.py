"""The log, the inbox, the dead letters and the cursors, with the guards and the wake-up that only SQL can give."""

import django.contrib.postgres.indexes
import django.db.models.functions.datetime
from django.db import migrations, models

import nexus.eventbus.models

LOG = """
CREATE TABLE event_log (
    id uuid NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    type text NOT NULL,
    subject text NOT NULL,
    sequence bigint NOT NULL,
    time timestamptz NOT NULL,
    data json NOT NULL,
    correlation_id text NOT NULL DEFAULT '',
    causation_id text NOT NULL DEFAULT '',
    traceparent text NOT NULL DEFAULT '',
    PRIMARY KEY (xid, id),
    CONSTRAINT one_event_per_version UNIQUE (subject, sequence)
);
CREATE INDEX event_log_id ON event_log USING brin (id uuid_minmax_multi_ops);

CREATE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY event_log;
    RETURN NULL;
END $$;
CREATE TRIGGER wake_relay AFTER INSERT ON event_log FOR EACH STATEMENT EXECUTE FUNCTION wake_relay();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON event_log FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""

UNDO_LOG = """
DROP TABLE event_log;
DROP FUNCTION wake_relay();
DROP FUNCTION refuse_change();
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(LOG, UNDO_LOG)],
            state_operations=[
                migrations.CreateModel(
                    name="EventRecord",
                    fields=[
                        ("id", models.UUIDField(primary_key=True, serialize=False)),
                        ("xid", nexus.eventbus.models.Xid8Field(editable=False)),
                        ("type", models.TextField()),
                        ("subject", models.TextField()),
                        ("sequence", models.BigIntegerField()),
                        ("time", models.DateTimeField()),
                        ("data", nexus.eventbus.models.VerbatimJSONField()),
                        ("correlation_id", models.TextField(default="")),
                        ("causation_id", models.TextField(default="")),
                        ("traceparent", models.TextField(default="")),
                    ],
                    options={"db_table": "event_log"},
                )
            ],
        ),
        migrations.CreateModel(
            name="InboxEntry",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "subscriber", "event_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("subscriber", models.TextField()),
                ("event_id", models.UUIDField()),
                ("processed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "inbox",
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(fields=["processed_at"], name="inbox_processed_at")
                ],
            },
        ),
        migrations.CreateModel(
            name="DeadLetter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subscriber", models.TextField()),
                ("event_id", models.UUIDField()),
                ("type", models.TextField()),
                ("event", models.TextField(help_text="The event as it travelled")),
                ("error", models.TextField()),
                ("attempts", models.PositiveIntegerField(default=1)),
                ("first_failed_at", models.DateTimeField(auto_now_add=True)),
                ("last_failed_at", models.DateTimeField(auto_now=True)),
                ("replayed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "dead_letter",
                "constraints": [
                    models.UniqueConstraint(fields=("subscriber", "event_id"), name="one_dead_letter_per_event")
                ],
            },
        ),
        migrations.CreateModel(
            name="RelayCursor",
            fields=[
                ("consumer", models.TextField(primary_key=True, serialize=False)),
                ("position", models.TextField()),
                ("moved_at", models.DateTimeField(auto_now=True)),
            ],
            options={"db_table": "relay_cursor"},
        ),
    ]
