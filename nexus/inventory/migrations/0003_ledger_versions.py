"""
Every movement says which version it made of its counter, so that counters can be made again from the ledger alone.

Of movements from before, the newest of each counter gets the version that the counter has now.
"""

from django.db import migrations, models

FILL = """
ALTER TABLE inventory_ledgerentry DISABLE TRIGGER append_only;
UPDATE inventory_ledgerentry AS entry SET version = stock.version FROM inventory_stock AS stock
WHERE entry.sku = stock.sku AND entry.location_id = stock.location_id AND entry.id = (
    SELECT max(id) FROM inventory_ledgerentry AS l WHERE l.sku = stock.sku AND l.location_id = stock.location_id);
ALTER TABLE inventory_ledgerentry ENABLE TRIGGER append_only;
"""


class Migration(migrations.Migration):
    # Postgres alters no table that has changes waiting for their triggers.
    atomic = False
    dependencies = [("inventory", "0002_ledger_guard_and_main_location")]

    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="version",
            field=models.BigIntegerField(default=0, help_text="The counter's version after it"),
        ),
        migrations.AlterField(
            model_name="reservation",
            name="state",
            field=models.CharField(
                choices=[
                    ("held", "Held"),
                    ("committed", "Committed"),
                    ("released", "Released"),
                    ("expired", "Expired"),
                    ("returned", "Returned"),
                    ("rejected", "Rejected"),
                ],
                max_length=10,
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
