"""The process that carries events from the logs to the broker, and does the apps' chores."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nexus.eventbus import bus
from nexus.eventbus.engine_figures import EngineCollector
from nexus.eventbus.garbage import look_at_new_objects_only
from nexus.eventbus.metrics import BusCollector
from nexus.telemetry import tracing
from nexus.telemetry.exposition import serve_if_asked


class Command(BaseCommand):
    help = "Follow every log of this process's apps and publish what is told. Any number may run; one is active."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from",
            dest="transport",
            choices=["inprocess", "celery", "kafka"],
            help="where this transport has not begun yet, begin where that one stands, not at the logs' beginning",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if bus.backend().CARRIED_BY_WEB:
            raise CommandError("With NEXUS_EVENT_BUS=inprocess the web process carries events itself.")
        if transport := options["transport"]:
            for consumer, inherited in bus.begin_where(transport).items():
                where = f"begins where {transport} stands" if inherited else "goes on where it stands"
                self.stdout.write(f"{consumer} {where}")
        carrier = bus.Carrier(bus.backend().relays())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: carrier.stop(timeout=0))
        tracing.begin_if_asked("relay")
        carrier.start()
        serve_if_asked(BusCollector(), EngineCollector())
        look_at_new_objects_only()
        self.stdout.write("relay is running")
        carrier.wait()
        carrier.stop()
