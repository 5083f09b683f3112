"""The process that carries what this region tells others to their brokers."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from nexus.eventbus import bus
from nexus.eventbus.metrics import BusCollector
from nexus.eventbus.relay import Relay
from nexus.telemetry import tracing
from nexus.telemetry.exposition import serve_if_asked


class Command(BaseCommand):
    help = "Carry what is told to other regions, over every link or over one. Any number may run; one is active."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("region", nargs="?", default="", help="the one region to carry to (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        carrier = bus.Carrier(_links(options["region"]), chores=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: carrier.stop(timeout=0))
        tracing.begin_if_asked("link")
        carrier.start()
        serve_if_asked(BusCollector())
        self.stdout.write("link is running")
        carrier.wait()
        carrier.stop()


def _links(region: str) -> list[Relay]:
    """:raises CommandError: there is nothing to link, or no way to"""
    links = getattr(bus.backend(), "links", None)
    if links is None:
        raise CommandError(
            "Regions are linked from RabbitMQ to RabbitMQ: it takes NEXUS_EVENT_BUS=celery. "
            "Events that stay in one process, or in Kafka, reach no other region."
        )
    if not settings.REGION_LINKS:
        raise CommandError("NEXUS_REGION_LINKS names no other region.")
    if region and region not in settings.REGION_LINKS:
        raise CommandError(f"NEXUS_REGION_LINKS has no {region}, only {', '.join(settings.REGION_LINKS)}.")
    return [relay for relay in links() if not region or f" > link {region} " in relay.consumer]
