"""
What the log takes for settled is said by a function of the database, so that a log can go on in another cluster, whose
transaction ids are others (docs/adr/0023).
"""

from django.db import migrations

HORIZON = """
CREATE FUNCTION log_horizon() RETURNS xid8 LANGUAGE sql STABLE PARALLEL SAFE
AS 'SELECT pg_snapshot_xmin(pg_current_snapshot())';
"""


class Migration(migrations.Migration):
    dependencies = [("eventbus", "0002_wake_sleepers_only")]

    operations = [migrations.RunSQL(HORIZON, "DROP FUNCTION log_horizon();")]
