"""
Runs the processes of a shape: ``python -m nexus.embedded.supervisor monolith 8080``.

Each line that a process writes is shown with the process's name before it. One that ends is started again, sooner or
later by how often it did. With ``-- COMMAND`` only those that carry events run, for as long as the command does.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TextIO

from . import ports
from .run import answers_at
from .shapes import APPS, Part, Shape, monolith, services

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
    process: "subprocess.Popen[str]"
    since: float = field(default_factory=time.monotonic)
    failures: int = 0
    due: float = 0.0


class Supervisor:
    """Starts, watches, starts again, stops."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._lock = out, threading.Lock()
        self._colourful = out.isatty() and "NO_COLOR" not in os.environ
        self._running: dict[str, Running] = {}
        self._places: dict[str, int] = {}
        self._width = 0
        self._stopping = threading.Event()

    def stop_on_signals(self) -> None:
        """SIGTERM, SIGINT and SIGHUP end `watch`."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)

    def start(self, parts: Sequence[Part]) -> None:
        self._width = max([self._width, *(len(part.name) for part in parts)])
        for part in parts:
            self._running[part.name] = Running(part, self._launch(part))

    def watch(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Start again what ends, until a signal comes, or that is so."""
        while not self._stopping.wait(LOOK_EVERY) and not until():
            for each in self._running.values():
                self._look_at(each)

    def run_beside(self, command: Sequence[str]) -> int:
        """Run a command to its end, or until a signal comes; its exit status."""
        process = subprocess.Popen(list(command))
        self.watch(until=lambda: process.poll() is not None)
        if process.poll() is None:
            process.terminate()
        return process.wait()

    def stop(self) -> None:
        """End everything: whoever serves first, then who carries; by force those that take too long."""
        parts = list(reversed(self._running.values()))
        for each in parts:
            # One signal to the parent alone: granian hangs when another comes while it handles the first.
            each.process.terminate()
        until = time.monotonic() + END_WITHIN
        for each in parts:
            with suppress(subprocess.TimeoutExpired):
                each.process.wait(max(0.0, until - time.monotonic()))
            _kill_all_of(each.process)
            each.process.wait()

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
            each.process, each.since, each.due = self._launch(each.part), now, 0.0

    def _launch(self, part: Part) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            list(part.command),
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self._metrics_of(part), **part.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        )
        threading.Thread(target=self._pass_on, args=(part, process), daemon=True).start()
        return process

    def _pass_on(self, part: Part, process: "subprocess.Popen[str]") -> None:
        assert process.stdout
        for line in process.stdout:
            self._show(part, line.rstrip("\n"))

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


def _kill_all_of(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def shape_named(name: str, *, port: int, var: Path) -> Shape:
    """The shape; the services' ports are those of the last time, where they are free."""
    if name == "monolith":
        return monolith(port=port)
    folder = var / "ports"
    folder.mkdir(parents=True, exist_ok=True)
    return services(port=port, ports={app: ports.choose(file=folder / app) for app in APPS})


def port_of(app: str, *, var: Path) -> int:
    """Where the app's web process serves, in the shape of services; 0 when it never has."""
    return ports.remembered(file=var / "ports" / app) or 0


def main(words: Sequence[str]) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m nexus.embedded.supervisor", description=__doc__)
    parser.add_argument("shape", choices=["monolith", "services"])
    parser.add_argument("port", type=int)
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="runs beside those that carry events; after --")
    options = parser.parse_args(words)
    var = Path(os.environ.get("NEXUS_VAR") or "var")
    return supervise(shape_named(options.shape, port=options.port, var=var), beside=options.command)


def supervise(shape: Shape, *, beside: Sequence[str] = ()) -> int:
    """Run the shape until a signal comes; or, with a command, those that carry events for as long as that runs."""
    supervisor = Supervisor(sys.stdout)
    supervisor.stop_on_signals()
    try:
        supervisor.start(shape.carriers)
        if beside:
            return supervisor.run_beside(beside)
        *behind, front = shape.doors
        supervisor.start(behind)
        # The customers' door opens when there is somebody behind it.
        supervisor.watch(until=lambda: all(answers_at(part.port) for part in behind))
        supervisor.start([front])
        supervisor.watch()
        return 0
    finally:
        supervisor.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
