from django.apps import AppConfig
from django.conf import settings

from nexus.contracts.seeding import Progress, SeedPlan


class InventoryConfig(AppConfig):
    name = "nexus.inventory"
    verbose_name = "Inventory"

    def ready(self) -> None:
        from nexus.eventbus import registry
        from nexus.inventory.handlers import AMONG_REGIONS, CHORES, CHORES_AMONG_REGIONS, SUBSCRIPTIONS
        from nexus.inventory.models import store
        from nexus.inventory.services.promises import COPIES, GAUGES, INVARIANTS, READ_MODELS
        from nexus.inventory.services.recovery import TESTIMONIES

        registry.register(
            app="inventory",
            store=store,
            subscriptions={**SUBSCRIPTIONS, **(AMONG_REGIONS if settings.REGION else {})},
            chores={**CHORES, **(CHORES_AMONG_REGIONS if settings.REGION else {})},
            invariants=INVARIANTS,
            copies=COPIES,
            read_models=READ_MODELS,
            testimonies=TESTIMONIES,
            gauges=GAUGES if settings.REGION else (),
        )

    def seed(self, plan: SeedPlan) -> Progress:
        """Fill the shelves of a made-up shop."""
        from nexus.inventory.services.seeding import fill_shelves

        return fill_shelves(plan)
