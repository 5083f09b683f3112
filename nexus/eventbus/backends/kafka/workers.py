"""The worker processes of one subscriber under a parent that replaces those that die."""

import contextlib
import logging
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from types import FrameType

from django.db import connections

from nexus.eventbus.backends.kafka.consumer import Subscription
from nexus.eventbus.backends.kafka.workplace import Casualties, Workplace
from nexus.eventbus.garbage import look_at_new_objects_only
from nexus.eventbus.registry import Member
from nexus.telemetry import tracing
from nexus.telemetry.exposition import serve_if_asked

log = logging.getLogger("nexus.eventbus.worker")

REPLACE_AFTER = 0.5
ENDINGS = (signal.SIGTERM, signal.SIGINT)


class _UntilToldOrOrphaned(threading.Event):
    """Set by a signal, or by the death of the parent: nobody would replace or stop an orphan."""

    def __init__(self) -> None:
        super().__init__()
        self._parent = os.getppid()
        for number in ENDINGS:
            signal.signal(number, lambda *_: self.set())

    def is_set(self) -> bool:
        return super().is_set() or os.getppid() != self._parent


@dataclass
class Workers:
    """So many consumers of the subscriber's group, each a process of its own."""

    member: Member
    size: int
    _casualties: Casualties = field(default_factory=Casualties)
    _places: dict[int, Workplace] = field(default_factory=dict)
    _stopping: bool = False

    def run(self) -> None:
        """Return when a signal has come and every worker has finished what it had in hand."""
        for number in ENDINGS:
            signal.signal(number, self._stop)
        serve_if_asked()
        # A connection must not be shared with children.
        connections.close_all()
        look_at_new_objects_only()
        for _ in range(self.size):
            self._begin()
        while self._places:
            pid, status = os.wait()
            self._places.pop(pid).close()
            if not self._stopping:
                log.error("%s: worker %d died (%d), it is replaced", self.member.name, pid, status)
                time.sleep(REPLACE_AFTER)
                self._begin()

    def _begin(self) -> None:
        place = Workplace(self._casualties)
        # Between here and the child's own handlers a signal would only be noted by a copy of the parent.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        pid = os.fork()
        if pid == 0:
            self._be_worker(place)
        self._places[pid] = place
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
        if self._stopping:
            self._stop()

    def _be_worker(self, place: Workplace) -> None:
        status = 1
        try:
            tracing.begin_if_asked("worker")
            stop = _UntilToldOrOrphaned()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
            Subscription(self.member, place).run(stop)
            status = 0
        finally:
            tracing.end()
            logging.shutdown()
            os._exit(status)

    def _stop(self, number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        self._stopping = True
        for pid in self._places:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
