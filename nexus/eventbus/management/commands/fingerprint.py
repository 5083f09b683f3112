"""Says what all stores of this process's apps hold, or in what that differs from what they held."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from nexus.eventbus.fingerprints import Fingerprint, Kind, differences, take


class Command(BaseCommand):
    help = "A SHA-256 for each table and collection. Ends with status 1 when truth differs from what --against says."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs, and for a later --against")
        parser.add_argument("--against", type=Path, help="a file that --json wrote")

    def handle(self, *args: Any, **options: Any) -> None:
        before = _read(options["against"]) if options["against"] else None
        found = list(take())
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(found)).decode())
        elif before is None:
            for each in found:
                self.stdout.write(f"{each.kind:8} {each.name:40} {each.rows:>10} rows  {each.digest}")
        if before is not None:
            self._compare(before, found)

    def _compare(self, before: list[Fingerprint], found: list[Fingerprint]) -> None:
        if different := list(differences(before, found)):
            raise CommandError("not as it was: " + "; ".join(different))
        truth = [each for each in found if each.kind is Kind.TRUTH]
        self.stdout.write(f"{len(truth)} tables, {sum(each.rows for each in truth)} rows: all as they were")


def _read(file: Path) -> list[Fingerprint]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[Fingerprint])
    except (OSError, msgspec.MsgspecError) as why:
        raise CommandError(f"{file}: {why}") from None
