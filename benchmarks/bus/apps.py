from django.apps import AppConfig


class BenchmarkConfig(AppConfig):
    name = "benchmarks.bus"
    label = "ticks"

    def ready(self) -> None:
        from benchmarks.bus.ticks import SUBSCRIPTIONS, store
        from nexus.eventbus import registry

        registry.register(app="ticks", store=store, subscriptions=SUBSCRIPTIONS)
