from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "nexus.gateway"
    verbose_name = "Gateway"
