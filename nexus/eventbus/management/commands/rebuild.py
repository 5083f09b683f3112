"""Makes read models again from what they are derived of, while the shop goes on."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nexus.eventbus.read_models import ReadModel, digest_of
from nexus.eventbus.rebuilding import SourceElsewhere, find_read_models


class Command(BaseCommand):
    help = "Rebuild a read model (or all), online. Without a name: say which there are and what each is made from."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", choices=[*find_read_models(), "all"])
        parser.add_argument("--drop", action="store_true", help="throw it away first")

    def handle(self, *args: Any, **options: Any) -> None:
        models = find_read_models()
        if options["name"] is None:
            for model in models.values():
                self.stdout.write(f"{model.name:14} from {model.made_from}; without it: {model.without_it}")
            return
        for model in models.values() if options["name"] == "all" else [models[options["name"]]]:
            self._rebuild(model, drop=options["drop"])

    def _rebuild(self, model: ReadModel, *, drop: bool) -> None:
        began = time.monotonic()
        before, _ = digest_of(model)
        if drop:
            model.drop()
        try:
            looked_at = sum(model.rebuild())
        except SourceElsewhere as why:
            raise CommandError(f"{model.name}: {why}") from why
        after, rows = digest_of(model)
        same = "identical" if after == before else f"was {before[:16]}"
        took = time.monotonic() - began
        self.stdout.write(f"{model.name:14} {looked_at:>9} read {rows:>9} rows  {after[:16]}  {same}  {took:.1f} s")
