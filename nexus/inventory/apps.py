from django.apps import AppConfig

from nexus.contracts.seeding import Progress, SeedPlan


class InventoryConfig(AppConfig):
    name = "nexus.inventory"
    verbose_name = "Inventory"

    def ready(self) -> None:
        from nexus.eventbus import registry
        from nexus.inventory.handlers import CHORES, SUBSCRIPTIONS
        from nexus.inventory.models import store
        from nexus.inventory.services.promises import COPIES, INVARIANTS, READ_MODELS
        from nexus.inventory.services.recovery import TESTIMONIES

        registry.register(
            app="inventory",
            store=store,
            subscriptions=SUBSCRIPTIONS,
            chores=CHORES,
            invariants=INVARIANTS,
            copies=COPIES,
            read_models=READ_MODELS,
            testimonies=TESTIMONIES,
        )

    def seed(self, plan: SeedPlan) -> Progress:
        """Fill the shelves of a made-up shop."""
        from nexus.inventory.services.seeding import fill_shelves

        return fill_shelves(plan)
