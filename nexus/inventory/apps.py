from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "nexus.inventory"
    verbose_name = "Inventory"

    def ready(self) -> None:
        from nexus.eventbus import registry
        from nexus.inventory.handlers import CHORES, SUBSCRIPTIONS
        from nexus.inventory.models import store

        registry.register(app="inventory", store=store, subscriptions=SUBSCRIPTIONS, chores=CHORES)
