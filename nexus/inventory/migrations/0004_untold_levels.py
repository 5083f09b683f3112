"""Levels that change many times a second are announced once in a while; here stands which are waiting."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inventory", "0003_ledger_versions")]

    operations = [
        migrations.CreateModel(
            name="UntoldLevel",
            fields=[
                ("sku", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("since", models.DateTimeField()),
            ],
        ),
    ]
