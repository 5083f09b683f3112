"""
Virtual time and chance. One true instant, which the databases show; each process has a clock that may differ from it,
and makes ids from that clock, as uuid7 does.
"""

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from types import SimpleNamespace
from unittest.mock import patch

from django.utils import timezone

from nexus.contracts import base
from nexus.eventbus import delivery
from nexus.inventory.services import reconcile

BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)
UNIX = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """What time it is, for the databases and for the process at work."""

    def __init__(self) -> None:
        self.reset("setup")

    def reset(self, seed: object, *, at: datetime = BEGINNING) -> None:
        """Begin anew; ids and times from here on are a function of the seed."""
        self.instant = at
        self.skew: dict[str, timedelta] = {}
        self.process = ""
        self._chance = random.Random(f"{seed} ids")
        self._last_ids: dict[str, int] = {}
        base._uuid_last = 0

    def enter(self, process: str) -> None:
        """The named process is at work from here on: its clock, its ids."""
        self._last_ids[self.process] = base._uuid_last
        self.process = process
        base._uuid_last = self._last_ids.get(process, 0)

    def restart(self, process: str) -> None:
        """The process has died: the next one of its name remembers nothing."""
        self._last_ids[process] = 0
        if self.process == process:
            base._uuid_last = 0

    def pass_by(self, span: timedelta) -> None:
        self.instant += span

    def sleep(self, seconds: float) -> None:
        self.pass_by(timedelta(seconds=seconds))

    def now(self, zone: tzinfo | None = UTC) -> datetime:
        """The time as the process at work believes it."""
        return (self.instant + self.skew.get(self.process, timedelta())).astimezone(zone)

    def time_ns(self) -> int:
        return (self.now() - UNIX) // timedelta(microseconds=1) * 1000

    def monotonic(self) -> float:
        """A clock that is never set: right in every process."""
        return (self.instant - BEGINNING).total_seconds()

    def urandom(self, size: int) -> bytes:
        return self._chance.randbytes(size)


@contextmanager
def virtual(clock: Clock) -> Iterator[None]:
    """Put the clock in place of Python's, in all of nexus, for the length of the block."""

    class Datetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return clock.now(tz)

    with ExitStack() as stack:
        for name, module in sorted(sys.modules.items()):
            if name.startswith("nexus.") and getattr(module, "datetime", None) is datetime:
                stack.enter_context(patch.object(module, "datetime", Datetime))
        stack.enter_context(patch.object(timezone, "now", clock.now))
        stack.enter_context(patch.object(base, "time", clock))
        stack.enter_context(patch.object(base, "os", clock))
        stack.enter_context(patch.object(base, "_uuid_last", 0))
        stack.enter_context(patch.object(reconcile, "time", clock))
        stack.enter_context(patch.object(delivery, "time", SimpleNamespace(sleep=clock.sleep)))
        yield
