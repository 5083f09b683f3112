from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "nexus.orders"
    verbose_name = "Orders"

    def ready(self) -> None:
        from nexus.eventbus import registry
        from nexus.orders.handlers import CHORES, SUBSCRIPTIONS
        from nexus.orders.models import store

        registry.register(app="orders", store=store, subscriptions=SUBSCRIPTIONS, chores=CHORES)
