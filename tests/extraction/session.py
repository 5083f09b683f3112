"""A shell that is given the document's commands, as somebody would paste them."""

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.eventually import eventually
from tests.extraction.document import Step
from tests.journeys.system import ROOT

DONE = "=== done ==="
WITHIN = 240.0
LOOK_EVERY = 0.2
END_WITHIN = 30.0


class StepFailed(AssertionError):
    """A command of the document ended with another status than 0, or not at all."""


class Session:
    """One shell for all steps: what one sets, the next ones know."""

    def __init__(self, *, environment: Mapping[str, str]) -> None:
        self._shell = subprocess.Popen(
            ["bash", "-e"],
            env=dict(environment),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._said: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def do(self, step: Step) -> list[str]:
        """
        Run the step's commands to their end; what they said.

        :raises StepFailed: one failed
        """
        assert self._shell.stdin
        self._shell.stdin.write(f"{step.code}\necho '{DONE}'\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        deadline = time.monotonic() + WITHIN
        while (line := self._next(deadline, lines)) != DONE:
            if line is None:
                raise StepFailed(f"{step.title}:\n" + "\n".join(lines[-40:]))
            lines.append(line)
        return lines

    def close(self) -> None:
        """End the shell; what it started in the background has its own end."""
        self._shell.kill()
        self._shell.wait()

    def _next(self, deadline: float, lines: list[str]) -> str | None:
        while time.monotonic() < deadline:
            with suppress(queue.Empty):
                return self._said.get(timeout=LOOK_EVERY)
            # What it started in the background keeps the pipe open.
            if self._shell.poll() is not None and self._said.empty():
                return None
        raise StepFailed(f"no end within {WITHIN:.0f} s:\n" + "\n".join(lines[-40:]))

    def _listen(self) -> None:
        assert self._shell.stdout
        for line in self._shell.stdout:
            self._said.put(line.rstrip("\n"))
        self._said.put(None)


def end_what_is_left(home: Path) -> None:
    """End the background processes of a session that did not come to its end, and wait until they have gone."""
    for pid, command in _left_in(home).items():
        if b"nexus.embedded" in command:
            _send(pid, signal.SIGTERM)
    with suppress(AssertionError):
        eventually(lambda: not _left_in(home), within=END_WITHIN, every=0.1)
    for pid in _left_in(home):
        _send(pid, signal.SIGKILL)


def _left_in(home: Path) -> dict[int, bytes]:
    """The processes whose environment names the folder as the shop's, with their commands."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"NEXUS_VAR={home}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = (process / "cmdline").read_bytes()
    return found


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
