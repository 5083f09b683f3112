"""Copies the logs of this process's apps into files, or checks such copies."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nexus.eventbus.archive import Busy, Damaged, File, archive, check
from nexus.eventbus.registry import Member, members


class Command(BaseCommand):
    help = "Copy what the logs have told since the last time into a folder of compressed JSON lines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the archive; made where there is none")
        parser.add_argument("--check", action="store_true", help="write nothing: read all of it and compare digests")

    def handle(self, *args: Any, **options: Any) -> None:
        for name, member in sorted(members.items()):
            try:
                files = list(self._files(member, options["folder"] / name, only_check=options["check"]))
            except (Busy, Damaged, OSError) as why:
                raise CommandError(f"{name}: {why}") from None
            events = sum(file.events for file in files)
            verb = "in order" if options["check"] else "written"
            self.stdout.write(f"{name:10} {events:>10} events in {len(files)} files {verb}")

    @staticmethod
    def _files(member: Member, folder: Path, *, only_check: bool) -> Iterator[File]:
        return check(folder) if only_check else archive(member, folder)
