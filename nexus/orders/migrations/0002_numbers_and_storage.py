"""The sequence behind order numbers, and room on each page for the one update that every order gets."""

from django.db import migrations

SQL = """
CREATE SEQUENCE order_number_block;
ALTER TABLE orders_order SET (fillfactor = 70);
"""
UNDO = """
DROP SEQUENCE order_number_block;
ALTER TABLE orders_order RESET (fillfactor);
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [migrations.RunSQL(SQL, UNDO)]
