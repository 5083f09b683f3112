"""Makes up a shop: products, stock, customers and orders, through the services that real ones go through."""

import sys
import time
from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.apps import AppConfig, apps
from django.core.management.base import BaseCommand, CommandError

from nexus.contracts.errors import NexusError
from nexus.contracts.seeding import SIZES, Progress, SeedPlan
from nexus.eventbus import bus

ORDER = ["catalog", "inventory", "accounts", "orders"]
"""Each app needs what the ones before it have told."""


class Command(BaseCommand):
    help = "Fill the shop. The same --seed makes the same shop; run again to go on where it was stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--size", choices=SIZES, default="demo")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--products", type=int)
        parser.add_argument("--customers", type=int)
        parser.add_argument("--orders", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = {name: options[name] for name in ("products", "customers", "orders") if options[name] is not None}
        plan = replace(SIZES[options["size"]], seed=options["seed"], **chosen)
        configs = {config.label: config for config in apps.get_app_configs()}
        for label in filter(configs.__contains__, ORDER):
            try:
                self._fill(configs[label], plan)
            except NexusError as why:
                raise CommandError(f"{label}: {why} Was this shop filled with another --seed?") from why

    def _fill(self, config: AppConfig, plan: SeedPlan) -> None:
        progress: Progress = config.seed(plan)  # type: ignore[attr-defined]
        began, done = time.monotonic(), 0
        for done, wanted in progress:
            self._draw(config.label, done, wanted)
        self._draw(config.label, done, done, note="telling the others")
        bus.settle()
        self._draw(config.label, done, done, note=f"{time.monotonic() - began:.1f} s", end="\n")

    def _draw(self, label: str, done: int, wanted: int, *, note: str = "", end: str = "") -> None:
        if not sys.stdout.isatty() and not end:
            return
        share = done / wanted if wanted else 1.0
        bar = "█" * int(24 * share) + "·" * (24 - int(24 * share))
        self.stdout.write(f"\r{label:10} {bar} {done:>7} {note:<20}", ending=end)
        self.stdout.flush()
