"""The process that carries events from the logs to the broker, and does the apps' chores."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nexus.eventbus import bus


class Command(BaseCommand):
    help = "Follow every log of this process's apps and publish what is told. Any number may run; one is active."

    def handle(self, *args: Any, **options: Any) -> None:
        if bus.backend().CARRIED_BY_WEB:
            raise CommandError("With NEXUS_EVENT_BUS=inprocess the web process carries events itself.")
        carrier = bus.Carrier(bus.backend().relays())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: carrier.stop(timeout=0))
        carrier.start()
        self.stdout.write("relay is running")
        carrier.wait()
        carrier.stop()
