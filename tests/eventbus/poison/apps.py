from django.apps import AppConfig
from django.db import connection

DELIVERY_LIMIT = 1
"""Twenty-one deaths of a worker take long; what happens at the limit is the same."""


class PoisonConfig(AppConfig):
    name = "tests.eventbus.poison"
    label = "toys"

    def ready(self) -> None:
        from nexus.eventbus import registry
        from nexus.eventbus.backends.celery import topology
        from nexus.eventbus.stores.postgres import PostgresStore
        from tests.eventbus.poison.handlers import SUBSCRIPTIONS

        topology.DELIVERY_LIMIT = DELIVERY_LIMIT
        registry.register(app="toys", store=PostgresStore("default"), subscriptions=SUBSCRIPTIONS)

    def prepare(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS effect (event_id uuid)")
