"""Stock goes from one region to another: which shares are on the way, and which skus others are asked for."""

from django.db import migrations, models

REASONS = [
    ("reserved", "Reserved"),
    ("released", "Released"),
    ("expired", "Expired"),
    ("shipped", "Shipped"),
    ("received", "Received"),
    ("counted", "Counted"),
    ("damaged", "Damaged"),
    ("returned", "Returned"),
    ("correction", "Correction"),
    ("sent", "Sent"),
    ("arrived", "Arrived"),
]


class Migration(migrations.Migration):
    dependencies = [("inventory", "0004_untold_levels")]

    operations = [
        migrations.AlterField(
            model_name="ledgerentry", name="reason", field=models.CharField(choices=REASONS, max_length=10)
        ),
        migrations.CreateModel(
            name="Shortage",
            fields=[
                ("sku", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("level", models.IntegerField()),
                ("tries", models.PositiveIntegerField()),
                ("due_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Share",
            fields=[
                ("transfer_id", models.UUIDField(primary_key=True, serialize=False)),
                ("sku", models.CharField(max_length=64)),
                ("quantity", models.PositiveIntegerField()),
                ("from_region", models.CharField(max_length=20)),
                ("to_region", models.CharField(max_length=20)),
                ("sent_at", models.DateTimeField()),
                ("arrived_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("arrived_at", None)), fields=["sku"], name="shares_on_the_way")
                ],
            },
        ),
    ]
