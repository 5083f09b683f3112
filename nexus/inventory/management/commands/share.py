"""Stock that moves between regions: send some, say what this region knows, hold what all of them know together."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from nexus.contracts.errors import NexusError
from nexus.inventory.services.shares import Report, audit, report, send_share

SHOWN = 20


class Command(BaseCommand):
    help = "Shares of the stock: send, report, audit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        ways = parser.add_subparsers(dest="what", required=True)

        send = ways.add_parser("send", help="send pieces to another region, of what is not set aside for orders")
        send.add_argument("--sku", required=True)
        send.add_argument("--to", required=True, help="a region that NEXUS_REGION_LINKS names")
        send.add_argument("--quantity", type=int, required=True)
        send.add_argument("--note", default="", help="kept in the ledger")

        ways.add_parser("report", help="what this region has, sent and received, as JSON for `audit`")

        together = ways.add_parser("audit", help="compare the reports of all regions; status 1 when they disagree")
        together.add_argument("reports", nargs="+", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['what']}")(options)

    def _send(self, options: dict[str, Any]) -> None:
        try:
            transfer = send_share(
                sku=options["sku"], to_region=options["to"], quantity=options["quantity"], note=options["note"]
            )
        except NexusError as why:
            raise CommandError(str(why)) from why
        self.stdout.write(f"{transfer}: {options['quantity']} {options['sku']} on the way to {options['to']}")

    def _report(self, options: dict[str, Any]) -> None:
        self.stdout.write(msgspec.json.encode(report()).decode())

    def _audit(self, options: dict[str, Any]) -> None:
        try:
            reports = [msgspec.json.decode(path.read_bytes(), type=Report) for path in options["reports"]]
        except (OSError, msgspec.MsgspecError) as why:
            raise CommandError(f"not a report: {why}") from why
        verdict = audit(reports)
        for line in verdict.wrong[:SHOWN]:
            self.stdout.write(f"BROKEN  {line}")
        on_the_way = sum(told.quantity for told in verdict.on_the_way.values())
        self.stdout.write(
            f"{', '.join(each.region for each in reports)}: {verdict.on_hand} on hand, {on_the_way} on the way in "
            f"{len(verdict.on_the_way)} shares, {len(verdict.unknown)} not to be judged, {len(verdict.wrong)} wrong"
        )
        if verdict.wrong:
            raise SystemExit(1)
