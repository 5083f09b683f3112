"""Takes an app's data to another database while the shop sells; docs/extracting-an-app.md says when."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nexus.eventbus.moving.move import Move
from nexus.eventbus.moving.places import CannotMove, Place
from nexus.eventbus.registry import members
from nexus.eventbus.stores.postgres import PostgresStore


class Command(BaseCommand):
    help = (
        "Copy an app's database to another that is prepared, again and again; then --switch. The app works meanwhile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        movable = sorted(name for name, each in members.items() if isinstance(each.store, PostgresStore))
        parser.add_argument("app", choices=movable)
        parser.add_argument("--to", required=True, metavar="URL", help="the server, as NEXUS_POSTGRES_URL names it")
        last = parser.add_mutually_exclusive_group()
        last.add_argument("--switch", action="store_true", help="shut the old one, copy the rest, open the new one")
        last.add_argument("--retire", action="store_true", help="drop the old one, which is shut; after a backup")
        last.add_argument("--undo", action="store_true", help="open the old one again, while the new one is untouched")

    def handle(self, *args: Any, **options: Any) -> None:
        store = members[options["app"]].store
        assert isinstance(store, PostgresStore)
        try:
            move = Move(
                source=Place.of_settings(store.database),
                target=Place.of_url(options["to"], app=options["app"]),
                say=lambda line: self.stdout.write(line, ending="\n"),
            )
            step = next((name for name in ("switch", "undo", "retire") if options[name]), "copy")
            getattr(move, step)()
        except CannotMove as why:
            raise CommandError(str(why)) from why
