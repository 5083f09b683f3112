"""
Keeps processes running. Each line that one writes is shown with its name before it; one that ends is started again,
sooner or later by how often it did.
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import TextIO

from .shapes import Part

LOOK_EVERY = 0.1
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
YOUNG = 10.0
"""Seconds; who lived longer is started again after the first pause when it ends."""
END_WITHIN = 7.0
"""Seconds. Whoever started us waits for ten and then kills us; those whom we started would be left."""
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


@dataclass
class Running:
    """A part's process, and how often it had to be started."""

    part: Part
    environment: Mapping[str, str]
    process: "subprocess.Popen[str]"
    since: float = field(default_factory=time.monotonic)
    failures: int = 0
    due: float = 0.0
    serves: threading.Event = field(default_factory=threading.Event)

    @property
    def says(self) -> str:
        return self.part.says


class Supervisor:
    """Starts, watches, starts again, stops."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._lock = out, threading.Lock()
        self._colourful = out.isatty() and "NO_COLOR" not in os.environ
        self._running: dict[str, Running] = {}
        self._coming: dict[str, Running] = {}
        self._leaving: list[Running] = []
        self._places: dict[str, int] = {}
        self._width = 0
        self._stopping = threading.Event()

    def stop_on_signals(self) -> None:
        """SIGTERM, SIGINT and SIGHUP end `watch`."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)

    def start(self, parts: Sequence[Part]) -> None:
        self._running |= self._start(parts)

    def renew(self, parts: Sequence[Part], *, unless: Callable[[], bool] = lambda: False) -> bool:
        """
        Put these in the place of all that run; False when that became so before their doors were open: then all stays
        as it was. New doors open beside the old ones, with which they may share a port. Those that carry work beside
        each other for that moment, which is no different from having two.
        """
        self._coming = self._start(parts)
        self.watch(until=lambda: unless() or all(each.serves.is_set() for each in self._coming.values() if each.says))
        if failed := unless() and not self.is_stopping:
            leaving = self._coming
        else:
            leaving, self._running = self._running, self._coming
        self._coming = {}
        for each in leaving.values():
            each.process.terminate()
            each.due = time.monotonic() + END_WITHIN
        self._leaving += leaving.values()
        self.watch(until=lambda: not self._leaving)
        return not failed

    def watch(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Start again what ends, until a signal comes, or that is so."""
        while not self._stopping.wait(LOOK_EVERY) and not until():
            for each in (*self._running.values(), *self._coming.values()):
                self._look_at(each)
            self._leaving = [each for each in self._leaving if not _has_left(each)]

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def run_beside(self, command: Sequence[str]) -> int:
        """Run a command to its end, or until a signal comes; its exit status."""
        process = subprocess.Popen(list(command))
        self.watch(until=lambda: process.poll() is not None)
        if process.poll() is None:
            process.terminate()
        return process.wait()

    def stop(self) -> None:
        """End everything: whoever serves first, then who carries; by force those that take too long."""
        parts = [*self._leaving, *self._coming.values(), *reversed(self._running.values())]
        for each in parts:
            # One signal to the parent alone: it tells its workers itself.
            each.process.terminate()
        until = time.monotonic() + END_WITHIN
        for each in parts:
            with suppress(subprocess.TimeoutExpired):
                each.process.wait(max(0.0, until - time.monotonic()))
            _kill_all_of(each.process)
            each.process.wait()

    def _start(self, parts: Sequence[Part]) -> dict[str, Running]:
        self._width = max([self._width, *(len(part.name) for part in parts)])
        return {part.name: self._launch(part, dict(os.environ)) for part in parts}

    def _look_at(self, each: Running) -> None:
        if each.process.poll() is None:
            return
        now = time.monotonic()
        if not each.due:
            lived = now - each.since
            each.failures = 0 if lived > YOUNG else each.failures + 1
            pause = random.uniform(0.5, 1) * min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(each.failures, 10))
            each.due = now + pause
            self._show(each.part, f"ended with status {each.process.returncode}; starts again in {pause:.1f} s")
        elif now >= each.due:
            # A parent that was killed leaves children which would go on answering beside the new ones.
            _kill_all_of(each.process)
            again = self._launch(each.part, each.environment)
            each.process, each.since, each.due, each.serves = again.process, now, 0.0, again.serves

    def _launch(self, part: Part, environment: Mapping[str, str]) -> Running:
        process = subprocess.Popen(
            list(part.command),
            env={**environment, "PYTHONUNBUFFERED": "1", **self._metrics_of(part), **part.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        )
        running = Running(part, environment, process)
        threading.Thread(target=self._pass_on, args=(running,), daemon=True).start()
        return running

    def _pass_on(self, running: Running) -> None:
        assert running.process.stdout
        for line in running.process.stdout:
            self._show(running.part, line.rstrip("\n"))
            if running.says and running.says in line:
                running.serves.set()

    def _metrics_of(self, part: Part) -> dict[str, str]:
        """Where several would have one port, each has one of its own: the first the one that is named."""
        named = os.environ.get("NEXUS_METRICS_PORT", "")
        place = self._places.setdefault(part.name, len(self._places))
        # What is no port the settings refuse, and say so.
        return {"NEXUS_METRICS_PORT": str(int(named) + place)} if named.isdecimal() and int(named) else {}

    def _show(self, part: Part, line: str) -> None:
        name = part.name.ljust(self._width)
        if self._colourful:
            colour = COLOURS[self._places.get(part.name, 0) % len(COLOURS)]
            name = f"\x1b[{colour}m{name}\x1b[0m"
        # Whoever cannot write goes on reading: a process stands still when its pipe is full.
        with self._lock, suppress(OSError, ValueError):
            self._out.write(f"{name} | {line}\n")
            self._out.flush()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()


def _has_left(each: Running) -> bool:
    """Whether it has ended; by force when its time is up."""
    if each.process.poll() is None and time.monotonic() < each.due:
        return False
    _kill_all_of(each.process)
    each.process.wait()
    return True


def _kill_all_of(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
