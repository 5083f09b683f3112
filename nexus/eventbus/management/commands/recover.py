"""Puts the stores together again after a restore."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nexus.eventbus.backends import BrokerAway
from nexus.eventbus.delivery import TryLater
from nexus.eventbus.recovery import NotHeard, recover


class Command(BaseCommand):
    help = "After a restore: tell what was not heard, believe what others know better, make copies again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--patience", type=float, default=60.0, help="seconds for what is told again to be heard")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for done in recover(patience=options["patience"]):
                self.stdout.write(done)
        except (BrokerAway, TryLater, NotHeard) as why:
            raise CommandError(str(why)) from why
