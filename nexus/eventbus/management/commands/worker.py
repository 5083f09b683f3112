"""The process that delivers events to one subscriber."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nexus.eventbus import bus
from nexus.eventbus.registry import members


class Command(BaseCommand):
    help = "Deliver events to one subscriber (an app that hears something) until told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subscriber", choices=sorted(name for name, each in members.items() if each.handlers))
        parser.add_argument("--concurrency", type=int, default=1, help="worker processes (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        if bus.backend().CARRIED_BY_WEB:
            raise CommandError("With NEXUS_EVENT_BUS=inprocess the web process delivers events itself.")
        bus.backend().work(options["subscriber"], concurrency=options["concurrency"])
