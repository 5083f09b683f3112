"""What a customer wrote on an order moves out of the row that its events make."""

from django.db import migrations, models

MOVE = "INSERT INTO orders_ordernote (order_id, customer_id, text) SELECT id, customer_id, note FROM orders_order WHERE note <> ''"
UNDO = "UPDATE orders_order o SET note = n.text FROM orders_ordernote n WHERE n.order_id = o.id"


class Migration(migrations.Migration):
    dependencies = [("orders", "0003_stock_hints")]

    operations = [
        migrations.CreateModel(
            name="OrderNote",
            fields=[
                ("order_id", models.UUIDField(primary_key=True, serialize=False)),
                ("customer_id", models.UUIDField(db_index=True)),
                ("text", models.CharField(max_length=500)),
            ],
        ),
        migrations.RunSQL(MOVE, UNDO),
        migrations.RemoveField(model_name="order", name="note"),
    ]
