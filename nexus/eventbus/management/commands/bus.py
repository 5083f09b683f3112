"""A look at the bus from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from nexus.eventbus.bus import lag_of_subscribers
from nexus.eventbus.registry import members


class Command(BaseCommand):
    help = "Say how far each subscriber of this process's apps is behind, and what waits among its dead letters."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["status"])

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{'subscriber':12}{'to hear':>10}{'dead letters':>14}")
        for name, lag in sorted(lag_of_subscribers().items()):
            self.stdout.write(f"{name:12}{lag:>10}{members[name].store.count_buried(name):>14}")
