"""
NOTIFY takes a lock of the whole cluster until the commit is on disk, so that commits wait for each other and never
share a write (docs/adr/0014). Readers that are awake need no waking.

A reader that falls asleep holds one of eight advisory locks alone. Whoever appends asks for a share of each, until its
transaction ends: refused, it notifies. So a reader that holds its lock has either seen an append or is told of it.
"""

from django.db import migrations

SLEEPERS_ONLY = """
CREATE OR REPLACE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    FOR slot IN 0..7 LOOP
        IF NOT pg_try_advisory_xact_lock_shared(1702259046, slot) THEN
            NOTIFY event_log;
            EXIT;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
"""
ALWAYS = """
CREATE OR REPLACE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY event_log;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("eventbus", "0001_initial")]

    operations = [migrations.RunSQL(SLEEPERS_ONLY, ALWAYS)]
