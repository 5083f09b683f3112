"""Says what is wrong and what to do."""

import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

import msgspec
from django.core.management.base import BaseCommand

from nexus.eventbus.doctor import Diagnosis, State, examine


class Command(BaseCommand):
    help = "Say in plain words what is wrong and what to do. Ends with status 1 when something is broken."

    # What is wrong with the settings is for the doctor to say.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="a JSON list instead of lines for people")

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(examine())
        if options["json"]:
            self.stdout.write(msgspec.json.encode([asdict(each) for each in found]).decode())
        else:
            for each in found:
                self.stdout.write(_line(each))
        if any(each.state is State.BROKEN for each in found):
            sys.exit(1)


def _line(found: Diagnosis) -> str:
    line = f"{found.state:7} {found.part}: {found.seen}"
    return f"{line}\n        → {found.advice}" if found.advice else line
