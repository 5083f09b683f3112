"""The bus from the command line: how it stands, what it needs, what to give out once more."""

import re
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from time import monotonic, sleep
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime

from nexus.contracts.base import EVENTS
from nexus.eventbus.backends import BrokerAway, Depth
from nexus.eventbus.bus import backend, lag_of_subscribers
from nexus.eventbus.dead_letters import replay_waiting
from nexus.eventbus.delivery import TryLater
from nexus.eventbus.registry import members
from nexus.eventbus.wire import Record

PAGE = 500
POSITION = re.compile(r"\d+(:[0-9a-f-]{36})?")


class Command(BaseCommand):
    help = "Look at the event bus and mend it: status, sync, replay, dead, forget."

    def add_arguments(self, parser: ArgumentParser) -> None:
        ways = parser.add_subparsers(dest="what", required=True)
        ways.add_parser("status", help="how far behind each subscriber is, and what waits where")

        sync = ways.add_parser("sync", help="make the broker's topology what the code says")
        sync.add_argument("--prune", action="store_true", help="take away bindings that the code no longer asks for")

        replay = ways.add_parser("replay", help="give one subscriber past events once more; what it had does nothing")
        replay.add_argument("subscriber")
        replay.add_argument("--after", default="", help="a position of the log, as `status` shows it")
        replay.add_argument("--since", type=_instant, help="events told since then, such as 2026-11-25T10:00:00Z")
        replay.add_argument("--types", type=lambda text: text.split(","), help="only these, with commas between")
        replay.add_argument("--pace", type=_whole, default=0, help="events a second at most (0: as fast as it goes)")

        dead = ways.add_parser("dead", help="what a subscriber could not handle, and what the broker gave up on")
        dead.add_argument("subscriber", choices=sorted(name for name, each in members.items() if each.handlers))
        dead.add_argument("--event", type=UUID, help="only this one")
        dead.add_argument("--replay", action="store_true", help="deliver it again")

        forget = ways.add_parser("forget", help="drop the position of a consumer that will not come back")
        forget.add_argument("consumer", help="as `status` names it; one that does come back begins at the beginning")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['what']}")(options)
        except (BrokerAway, TryLater) as away:
            raise CommandError(str(away)) from away

    def _status(self, options: dict[str, Any]) -> None:
        try:
            depths = backend().depths()
        except BrokerAway as away:
            self.stderr.write(str(away))
            depths = {}
        self.stdout.write(f"{'subscriber':12}{'to hear':>10}{'queued':>10}{'set aside':>12}{'dead letters':>14}")
        for name, lag in sorted(lag_of_subscribers().items()):
            depth = depths.get(name, Depth())
            buried = members[name].store.count_buried(name)
            self.stdout.write(f"{name:12}{lag:>10}{depth.waiting:>10}{depth.set_aside:>12}{buried:>14}")
        self.stdout.write("")
        for name, member in sorted(members.items()):
            for consumer, position, moved_at in member.store.cursors():
                self.stdout.write(f"{name}: {consumer} at {position}, since {moved_at:%Y-%m-%d %H:%M:%S}")

    def _sync(self, options: dict[str, Any]) -> None:
        for line in backend().sync(prune=options["prune"]) or ["everything is as the code says"]:
            self.stdout.write(line)

    def _replay(self, options: dict[str, Any]) -> None:
        self._check(options)
        began, count = monotonic(), 0
        for page in self._past(options):
            backend().send_to(options["subscriber"], page)
            count += len(page)
            if pace := options["pace"]:
                sleep(max(0.0, began + count / pace - monotonic()))
        took = monotonic() - began
        self.stdout.write(f"{count} events given to {options['subscriber']} once more, in {took:.1f} s")

    @staticmethod
    def _check(options: dict[str, Any]) -> None:
        if options["subscriber"] not in {each.partition(".")[0] for each in EVENTS} | members.keys():
            raise CommandError(f"there is no subscriber called {options['subscriber']}")
        if unknown := [kind for kind in options["types"] or [] if kind not in EVENTS]:
            raise CommandError(f"there is no event called {', '.join(unknown)}")
        if (after := options["after"]) and not POSITION.fullmatch(after):
            raise CommandError(f"{after} is no position; `bus status` shows some")

    @staticmethod
    def _past(options: dict[str, Any]) -> Iterator[list[Record]]:
        """What the logs here have for the subscriber, in pages."""
        known = members.get(options["subscriber"])
        size = min(PAGE, options["pace"]) or PAGE
        for publisher in list(members.values()):
            heard = known.handlers if known else EVENTS
            kinds = [kind for kind in options["types"] or heard if EVENTS[kind].source == publisher.name]
            if kinds:
                past = publisher.store.history(kinds, after=options["after"], since=options["since"], size=size)
                yield from (list(page.records) for page in past)

    def _forget(self, options: dict[str, Any]) -> None:
        consumer = options["consumer"]
        found = [name for name, member in members.items() if member.store.forget(consumer)]
        if not found:
            raise CommandError(f"nobody called {consumer} follows a log here")
        self.stdout.write(f"the log of {', '.join(found)} no longer knows {consumer}")

    def _dead(self, options: dict[str, Any]) -> None:
        subscriber, wanted = options["subscriber"], options["event"]
        if options["replay"]:
            if not wanted:
                self.stdout.write(f"{backend().take_back(subscriber)} messages back from what the broker had set aside")
            for letter, done in replay_waiting(subscriber=subscriber, event_id=wanted):
                self.stdout.write(f"{letter.event_id} {letter.type}: {'done' if done else 'failed again'}")
            return
        for letter in members[subscriber].store.letters(subscriber):
            if wanted in (None, letter.event_id):
                at = f"{letter.last_failed_at:%Y-%m-%d %H:%M:%S}"
                self.stdout.write(f"{letter.event_id} {letter.type} {at}, attempts {letter.attempts}: {letter.error}")
        if set_aside := backend().depths().get(subscriber, Depth()).set_aside:
            self.stdout.write(f"{set_aside} messages set aside by the broker")


def _instant(text: str) -> datetime:
    found = parse_datetime(text)
    if found is None or found.tzinfo is None:
        raise ValueError("a time with its zone, such as 2026-11-25T10:00:00Z")
    return found


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("a whole number")
    return int(text)
