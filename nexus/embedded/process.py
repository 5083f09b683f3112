"""One engine process: start it, wait until it answers, stop it, and clear away what an earlier run left."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from . import ports
from .engine import Engine
from .errors import EmbeddedError, EngineDidNotStart
from .identity import Identity
from .interrupts import held

READY_WITHIN = 60.0
STOP_WITHIN = 10.0
_LOOK_EVERY = 0.02
_PORTS_TRIED = 3
_PAUSE = 0.2


class EngineProcess:
    """An engine that this process started. :meth:`launch`, then :meth:`wait_until_ready`, in the end the two stops."""

    def __init__(self, *, engine: Engine) -> None:
        self.engine = engine
        self.port = 0
        self._launches = 0
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start the program and record which process it is; the engine's data must have been prepared."""
        engine = self.engine
        self._launches += 1
        self.port = ports.choose(file=engine.port_file)
        if engine.log.exists():
            engine.log.replace(engine.log.with_suffix(".old.txt"))
        with engine.log.open("wb") as log, held():
            self._process = self._start(log)
            if mark := Identity.of(pid=self._process.pid):
                mark.write(file=engine.record)

    def wait_until_ready(self) -> None:
        """
        Return when the engine has answered a real query.

        :raises EngineDidNotStart: it ended, or gave no answer within ``READY_WITHIN`` seconds
        """
        until = time.monotonic() + READY_WITHIN
        while not self._answers():
            if self._process is None or self._process.poll() is not None:
                self._launch_again_or_give_up(until)
            elif time.monotonic() > until:
                reason = f"gave no answer within {READY_WITHIN:.0f} seconds"
                raise EngineDidNotStart.because(title=self.engine.title, reason=reason, log=self.engine.log)
            time.sleep(_LOOK_EVERY)

    def ask_to_stop(self) -> None:
        """Tell the engine to shut down, without waiting."""
        if self._process is not None:
            self._process.send_signal(self.engine.stop_signal)

    def wait_until_stopped(self) -> None:
        """Return when the process has ended, by force after ``STOP_WITHIN`` seconds."""
        if self._process is not None:
            try:
                self._process.wait(timeout=STOP_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self.engine.record.unlink(missing_ok=True)

    def _start(self, log: BinaryIO) -> subprocess.Popen[bytes]:
        account = self.engine.account()
        return subprocess.Popen(
            account.words(command=self.engine.command(port=self.port)),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the owner, who stops the engines in order
            **account.switch(),
        )

    def _answers(self) -> bool:
        # Another server may have taken the port in between, hence the pid.
        try:
            return self._process is not None and self.engine.ask(port=self.port) == self._process.pid
        except self.engine.not_yet:
            return False

    def _launch_again_or_give_up(self, until: float) -> None:
        port_was_lost = self._launches < _PORTS_TRIED and not ports.is_free(port=self.port)
        if port_was_lost or (self.engine.will_start_later() and time.monotonic() < until):
            time.sleep(_PAUSE)
            self.launch()
            return
        status = None if self._process is None else self._process.returncode
        reason = f"ended with status {status} before it answered"
        raise EngineDidNotStart.because(title=self.engine.title, reason=reason, log=self.engine.log)


def stop_leftovers(*, engine: Engine, announce: Callable[[str], None]) -> None:
    """
    Stop the engine if an earlier run, whose owner was killed, left it running; forget what is stale.

    Touches a process only if it is surely the engine: same pid and same moment of birth as recorded, or named
    by the engine's own lock file and started on this very data directory.
    """
    for process in {Identity.read(file=engine.record), _holder_of_lock(engine)}:
        if process is not None and process.is_running():
            announce(f"stopping the {engine.title} that an earlier run left behind (process {process.pid})")
            _stop(process, engine)
    _disown_lock(engine.data / engine.lock_name)
    engine.record.unlink(missing_ok=True)


def _holder_of_lock(engine: Engine) -> Identity | None:
    pid = _first_number(engine.data / engine.lock_name)
    process = None if pid is None else Identity.of(pid=pid)
    is_ours = process is not None and f" {engine.data} " in f"{process.command_line()} "
    return process if is_ours else None


def _disown_lock(lock: Path) -> None:
    # The pid in it may by now be a stranger's or a zombie's; PostgreSQL would take either for a living server and
    # refuse. Our own pid, the parent's, it passes over. Not removed, because the file also names the shared memory
    # by which PostgreSQL sees that an orphaned backend still writes to the data.
    if not lock.exists():
        return
    if _first_number(lock) is None:
        lock.unlink()
        return
    rest = lock.read_text().partition("\n")[2]
    lock.write_text(f"{os.getpid()}\n{rest}")


def _first_number(file: Path) -> int | None:
    try:
        return int(file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _stop(process: Identity, engine: Engine) -> None:
    for signum in (engine.stop_signal, signal.SIGKILL):
        process.send(signum=signum)
        until = time.monotonic() + STOP_WITHIN
        while process.is_running() and time.monotonic() < until:
            time.sleep(_LOOK_EVERY)
    if process.is_running():
        raise EmbeddedError(f"{engine.title} of an earlier run (process {process.pid}) does not stop; stop it by hand.")
