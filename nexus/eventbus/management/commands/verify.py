"""Checks that nothing was lost, doubled, oversold, adrift or stuck."""

import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

import msgspec
from django.core.management.base import BaseCommand

from nexus.eventbus.verification import Finding, verify


class Command(BaseCommand):
    help = "Check every invariant over all stores of this process's apps. Ends with status 1 when one is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="a JSON list of findings instead of lines for people")
        parser.add_argument("--within", type=float, default=10.0, help="seconds for what is on its way to arrive (10)")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = verify(within=options["within"])
        if options["json"]:
            self.stdout.write(msgspec.json.encode([asdict(finding) for finding in findings]).decode())
        else:
            for finding in findings:
                self.stdout.write(_line(finding))
        if any(finding.count for finding in findings):
            sys.exit(1)


def _line(finding: Finding) -> str:
    if not finding.count:
        return f"ok      {finding.name}"
    return f"BROKEN  {finding.name}: {finding.count} {finding.kind}, first {finding.offender}"
