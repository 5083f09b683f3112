"""Makes the demo shop and logins for it; refused where it is no demo."""

import json
from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Fill a demo shop and write logins made for it to NEXUS_VAR/demo.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do nothing when it was done before")
        parser.add_argument("--size", default="demo")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Demo logins exist on a demo only (NEXUS_DEMO=1).")
        file = settings.VAR_DIR / "demo.json"
        if options["once"] and file.exists():
            return
        call_command("seed", size=options["size"], stdout=self.stdout)
        found: dict[str, Any] = {}
        for config in apps.get_app_configs():
            if demo := getattr(config, "demo", None):
                found |= demo()
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(json.dumps(found, indent=2))
