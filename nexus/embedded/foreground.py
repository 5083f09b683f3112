"""Runs a command in front of the engines: it gets the signals, its exit status becomes ours."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import IO

from .errors import EmbeddedError

_END_WITHIN = 10.0
_RELAYED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_in_foreground(
    *,
    command: Sequence[str],
    environment: Mapping[str, str],
    output: IO[bytes] | None = None,
    once_started: Callable[[subprocess.Popen[bytes]], None] = lambda process: None,
) -> int:
    """
    Run the command to its end and return its exit status as a shell would (128 + signal number).

    SIGINT, SIGTERM and SIGHUP to this process go to the command. ``environment`` is added to the present one.
    ``once_started`` is called beside the running command; ``output`` takes what it prints.

    :raises EmbeddedError: there is no such command
    """
    relay = _Relay()
    with relay.installed():
        process = _start(command, environment, output)
        relay.attach(process)
        try:
            once_started(process)
            status = process.wait()
        except BaseException:
            _end(process)
            raise
    return 128 - status if status < 0 else status


def _start(command: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None) -> subprocess.Popen[bytes]:
    stderr = None if output is None else subprocess.STDOUT
    try:
        return subprocess.Popen(list(command), env={**os.environ, **environment}, stdout=output, stderr=stderr)
    except OSError as error:
        raise EmbeddedError(f"Cannot run {command[0]}: {error.strerror}.") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=_END_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _Relay:
    """Passes signals on, also those that came while the command was being started."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def attach(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        for signum in self._early:
            process.send_signal(signum)

    @contextmanager
    def installed(self) -> Iterator[None]:
        before = {signum: signal.getsignal(signum) for signum in _RELAYED}
        for signum, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(signum, self._pass_on)
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, signal.SIG_DFL if handler is None else handler)

    def _pass_on(self, signum: int, frame: FrameType | None) -> None:
        if self._process is None:
            self._early.append(signum)
        elif signum != signal.SIGINT or not _is_on_terminal():
            self._process.send_signal(signum)


def _is_on_terminal() -> bool:
    # Ctrl-C goes to every process in the foreground of the terminal: the command has it already,
    # and a second one would cut short its tidying up.
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
