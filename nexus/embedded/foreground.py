"""Runs a command in front of the engines: it gets the signals, its exit status becomes ours."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import IO

from .errors import EmbeddedError

END_WITHIN = 10.0
_RELAYED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_in_foreground(*, command: Sequence[str], environment: Mapping[str, str]) -> int:
    """
    Run the user's command to its end and return its exit status as a shell would (128 + signal number).

    It shares our terminal. SIGINT, SIGTERM and SIGHUP to this process go to the command, which may take its time.
    ``environment`` is added to the present one.

    :raises EmbeddedError: there is no such command
    """
    relay = _Relay()
    with relay.installed():
        process = relay.attach(_start(command, environment, output=None, own_session=False))
        status = process.wait()
    return _as_shells_say(status)


def run_to_be_ended(
    *,
    command: Sequence[str],
    environment: Mapping[str, str],
    output: IO[bytes] | None = None,
    once_started: Callable[[subprocess.Popen[bytes]], None] = lambda _: None,
) -> int:
    """
    Run a command of ours, which needs no terminal; return its exit status as a shell would.

    SIGINT, SIGTERM or SIGHUP to us ends it: by one SIGTERM, and by force ``END_WITHIN`` seconds later. ``output`` takes
    what it prints; ``once_started`` is called beside it and, if that raises, ends it.

    :raises EmbeddedError: there is no such command
    """
    with (relay := _Ender()).installed():
        process = relay.attach(_start(command, environment, output=output, own_session=True))
        try:
            once_started(process)
        except BaseException:
            relay.pass_on(signal.SIGTERM)
            raise
        finally:
            status = relay.see_off(process)
    return _as_shells_say(status)


def _start(
    command: Sequence[str], environment: Mapping[str, str], *, output: IO[bytes] | None, own_session: bool
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command),
            env={**os.environ, **environment},
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            start_new_session=own_session,
        )
    except OSError as error:
        raise EmbeddedError(f"Cannot run {command[0]}: {error.strerror}.") from None


def _as_shells_say(status: int) -> int:
    return 128 - status if status < 0 else status


class _Relay:
    """Passes signals on, also those that came while the command was being started."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def attach(self, process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        self._process = process
        for signum in self._early:
            self.pass_on(signum)
        return process

    def pass_on(self, signum: int) -> None:
        # Ctrl-C goes to every process in the foreground of the terminal: the command has it already,
        # and a second one would cut short its tidying up.
        if self._process is not None and (signum != signal.SIGINT or not _is_on_terminal()):
            self._process.send_signal(signum)

    @contextmanager
    def installed(self) -> Iterator[None]:
        before = {signum: signal.getsignal(signum) for signum in _RELAYED}
        for signum, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(signum, self._receive)
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, signal.SIG_DFL if handler is None else handler)

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        if self._process is None:
            self._early.append(signum)
        else:
            self.pass_on(signum)


class _Ender(_Relay):
    """
    Ends a process in a session of its own.

    One signal only: a second would tell the server to leave its requests unanswered, which is what whoever signals
    our whole process group would do if the server were in it. SIGHUP it takes for "renew the workers".
    """

    def __init__(self) -> None:
        super().__init__()
        self._force: threading.Timer | None = None

    def pass_on(self, signum: int) -> None:
        if self._process is None or self._force is not None:
            return
        self._force = threading.Timer(END_WITHIN, os.killpg, args=(self._process.pid, signal.SIGKILL))
        self._force.start()
        self._process.terminate()

    def see_off(self, process: subprocess.Popen[bytes]) -> int:
        status = process.wait()
        if self._force is not None:
            self._force.cancel()
        return status


def _is_on_terminal() -> bool:
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
