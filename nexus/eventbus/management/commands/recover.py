"""Puts the stores together again after a restore, before the shop opens."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from nexus.eventbus.backends import BrokerAway
from nexus.eventbus.delivery import TryLater
from nexus.eventbus.recovery import NotHeard, recover
from nexus.eventbus.verification import verify

SOMETHING_LEFT = 2


class Command(BaseCommand):
    help = (
        "After a restore: tell what was not heard, believe what others know better, make copies again, then verify. "
        "Ends with status 1 when it could not be done, 2 when it was and an invariant is still broken."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--against", type=Path, help="first compare with what `fingerprint --json` said of the backup"
        )
        parser.add_argument(
            "--patience", type=float, default=60.0, help="seconds for what is told again to be heard (60)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["against"]:
            call_command("fingerprint", against=options["against"], stdout=self.stdout)
        try:
            for done in recover(patience=options["patience"]):
                self.stdout.write(done)
        except (BrokerAway, TryLater, NotHeard) as why:
            raise CommandError(str(why)) from why
        broken = [finding for finding in verify() if finding.count]
        for finding in broken:
            self.stdout.write(f"BROKEN  {finding.name}: {finding.count} {finding.kind}, first {finding.offender}")
        if broken:
            sys.exit(SOMETHING_LEFT)
        self.stdout.write("every invariant holds")
