from django.apps import AppConfig


class EventBusConfig(AppConfig):
    name = "nexus.eventbus"
    label = "eventbus"
    verbose_name = "Event bus"
