"""Nearly all goods lie at one place: an index of it costs each movement a page and finds nothing."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inventory", "0005_shares_of_regions")]

    operations = [
        migrations.AlterField(
            model_name="stock",
            name="location",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="stock",
                to="inventory.location",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="location",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="inventory.location",
            ),
        ),
    ]
