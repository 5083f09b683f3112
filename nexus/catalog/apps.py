from django.apps import AppConfig
from django.conf import settings

from nexus.contracts.seeding import Progress, SeedPlan
from nexus.eventbus import registry
from nexus.web import health


class CatalogConfig(AppConfig):
    name = "nexus.catalog"
    label = "catalog"
    verbose_name = "Catalog"

    def ready(self) -> None:
        from nexus.catalog.handlers import SUBSCRIPTIONS
        from nexus.catalog.models import connection
        from nexus.catalog.services.freshness import generations
        from nexus.catalog.services.promises import COPIES, INVARIANTS, READ_MODELS

        connection.register()
        connection.store.committed = lambda heard: generations.outdate(gently=heard)
        registry.register(
            app="catalog",
            store=connection.store,
            subscriptions=SUBSCRIPTIONS,
            invariants=INVARIANTS,
            copies=COPIES,
            read_models=READ_MODELS,
        )
        if settings.APPS == ["catalog"]:
            # In the monolith a dead MongoDB must not take orders out of service with it.
            health.checks["mongodb"] = connection.ping

    def prepare(self) -> None:
        """Create collections and indexes."""
        from nexus.catalog.services import prepare

        prepare()

    def seed(self, plan: SeedPlan) -> Progress:
        """Fill the catalog of a made-up shop."""
        from nexus.catalog.services.seeding import fill_catalog

        return fill_catalog(plan)
