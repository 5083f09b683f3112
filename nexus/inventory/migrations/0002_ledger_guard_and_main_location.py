"""The ledger refuses change, counters have room on their page for updates, and there is a place to begin with."""

from django.db import migrations

SQL = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON inventory_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE inventory_stock SET (fillfactor = 50);
INSERT INTO inventory_location (code, name, rank) VALUES ('main', 'Main warehouse', 0);
"""
UNDO = """
DROP TRIGGER append_only ON inventory_ledgerentry;
ALTER TABLE inventory_stock RESET (fillfactor);
DELETE FROM inventory_location WHERE code = 'main';
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0001_initial"), ("eventbus", "0001_initial")]

    operations = [migrations.RunSQL(SQL, UNDO)]
