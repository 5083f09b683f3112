"""
Follows a log for one consumer and hands its records on, never moving past what has not been confirmed.

After any failure the reader is closed and a fresh one opened, with exponential backoff and full jitter, so that many
relays do not come back in step.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from django.db import connections

from nexus.eventbus.instruments import publishing
from nexus.eventbus.stores.base import Reader, Store
from nexus.eventbus.wire import Record

log = logging.getLogger("nexus.eventbus.relay")

BATCH = 500
SLOW_POLL = 1.0
"""Seconds between looks at an idle log: only a safety net, an append wakes the relay at once."""
SETTLING, LONGEST_SETTLING = 0.001, 0.05
"""Seconds between looks while an open transaction holds records back: short at first, for most are over in a moment."""
GATHERING = 0.03
"""
Seconds after a batch in which the next one gathers. What a message costs its subscriber hardly depends on how much is
in it: with one for every order it falls behind while there is time enough. After a pause the first goes at once.
"""
STANDBY = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0

Publish = Callable[[Sequence[Record]], None]
"""Hands records on and returns when each of them is safe; raises when that is not certain."""
Only = Callable[[Record], bool]
"""Which of a log's records are handed on; the position moves past the others."""


class FollowedElsewhere(RuntimeError):
    """Another process holds the consumer's place in the log."""


class Relay:
    """One log, one consumer. Any number may run; one is active, the others stand by."""

    def __init__(
        self, *, store: Store, consumer: str, publish: Publish, only: Only | None = None, counted_as: str = ""
    ) -> None:
        """Hand on everything, or `only` what is chosen; figures name the log, or say what it is `counted_as`."""
        self._store, self._publish, self._only = store, publish, only
        self._counted_as = counted_as or consumer.partition(" > ")[0]
        self.consumer = consumer

    def begin_where(self, others: Sequence["Relay"]) -> bool:
        """
        If it has not begun yet, begin where those of the others stand that follow the same log, not at the log's
        beginning; whether it did.
        """
        of = [other.consumer for other in others if other._store is self._store]
        return self._store.inherit_position(self.consumer, of=of)

    def run(self, stop: threading.Event) -> None:
        """Follow the log until told to stop."""
        failures = 0
        while not stop.is_set():
            try:
                with closing(self._store.reader(self.consumer)) as reader:
                    for moved in self._follow(reader, stop):
                        failures = 0 if moved else failures
            except Exception as failure:  # noqa: BLE001  whatever broke, the cure is the same: begin anew
                failures += 1
                # Beyond a thousand doublings there is no float: an outage of hours must not end the relay.
                pause = random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures, 20)))
                log.warning("%s: %s: %s; again in %.1f s", self.consumer, type(failure).__name__, failure, pause)
                stop.wait(pause)
        # What the handlers opened in this thread goes with it.
        connections.close_all()

    @contextmanager
    def stepping(self) -> Iterator[Callable[[], int]]:
        """
        For drains: a function that does one step and returns how many records it moved; 0 means there are none.

        :raises FollowedElsewhere: another process carries already
        """

        def step() -> int:
            while True:
                moved, pending = self._step(reader)
                if moved or not pending:
                    return moved
                # Something is written behind a transaction that is still open: it is not nothing.
                time.sleep(SETTLING)

        with closing(self._store.reader(self.consumer)) as reader:
            if not reader.acquire():
                raise FollowedElsewhere(f"{self.consumer} is followed by another process")
            yield step

    def _follow(self, reader: Reader, stop: threading.Event) -> Iterator[int]:
        settling = SETTLING
        while not stop.is_set():
            if not reader.acquire():
                stop.wait(STANDBY)
                continue
            moved, pending = self._step(reader)
            yield moved
            if moved:
                settling = SETTLING
                stop.wait(GATHERING)
            elif pending:
                stop.wait(settling)
                settling = min(settling * 2, LONGEST_SETTLING)
            else:
                settling = SETTLING
                reader.wait(SLOW_POLL)

    def _step(self, reader: Reader) -> tuple[int, bool]:
        batch = reader.read(limit=BATCH)
        if batch.records:
            if records := list(filter(self._only, batch.records)) if self._only else batch.records:
                with publishing(records, log_name=self._counted_as):
                    self._publish(records)
            reader.advance(batch)
        return len(batch.records), batch.pending
