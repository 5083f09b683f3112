from django.apps import AppConfig

SUBSCRIBERS = ("anna", "ben")


class BellsConfig(AppConfig):
    name = "tests.eventbus.bells"
    label = "bells"

    def ready(self) -> None:
        from nexus.eventbus import registry
        from nexus.eventbus.stores.postgres import PostgresStore
        from tests.eventbus.bells.hearing import subscriptions_of

        registry.register(app="bells", store=PostgresStore("default"))
        for subscriber in SUBSCRIBERS:
            store = PostgresStore(subscriber)
            registry.register(app=subscriber, store=store, subscriptions=subscriptions_of(subscriber))
