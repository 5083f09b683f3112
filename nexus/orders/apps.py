from typing import Any

from django.apps import AppConfig

from nexus.contracts.seeding import Progress, SeedPlan


class OrdersConfig(AppConfig):
    name = "nexus.orders"
    verbose_name = "Orders"

    def ready(self) -> None:
        from nexus.eventbus import registry
        from nexus.orders.handlers import CHORES, SUBSCRIPTIONS
        from nexus.orders.models import store
        from nexus.orders.services.promises import COPIES, GAUGES, INVARIANTS, READ_MODELS
        from nexus.orders.services.recovery import TESTIMONIES

        registry.register(
            app="orders",
            store=store,
            subscriptions=SUBSCRIPTIONS,
            chores=CHORES,
            invariants=INVARIANTS,
            copies=COPIES,
            read_models=READ_MODELS,
            gauges=GAUGES,
            testimonies=TESTIMONIES,
        )

    def seed(self, plan: SeedPlan) -> Progress:
        """Place the orders of made-up customers."""
        from nexus.orders.services.seeding import place_orders

        return place_orders(plan)

    def demo(self) -> dict[str, Any]:
        """What a newcomer may order first."""
        from nexus.orders.services.seeding import find_sku_for_sale

        return {"sku": find_sku_for_sale()}
