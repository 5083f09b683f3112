"""Starts the engines that the environment does not already name, and stops them at the end."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .engine import Engine
from .errors import EmbeddedError
from .interrupts import held, termination_raised
from .lock import exclusive
from .mongo import Mongo
from .postgres import Postgres
from .process import EngineProcess, stop_leftovers
from .valkey import Valkey
from .wheels import require_supported_platform

ENGINES: tuple[type[Engine], ...] = (Mongo, Valkey, Postgres)  # the slowest starts first


@contextmanager
def engines(
    *, var: Path, durable: bool = True, announce: Callable[[str], None], kinds: Sequence[type[Engine]] = ENGINES
) -> Iterator[dict[str, str]]:
    """
    Run the engines under ``var`` for the length of the block and yield their addresses by environment variable.

    An engine whose variable is already set is not started and not in the mapping. Data survives from one block to
    the next; ``durable=False`` is quicker and promises nothing of the kind. Ctrl-C, SIGTERM and SIGHUP
    end the block and stop the engines. ``announce`` is called with short sentences about the progress.

    :raises EngineUnavailable: a wheel is missing or the platform is not supported; nothing was started
    :raises AlreadyStarted: another process runs engines in ``var``
    :raises EngineDidNotStart: an engine gave no answer
    """
    require_supported_platform()
    var = var.resolve()
    wanted = [kind(var=var, durable=durable) for kind in kinds if not os.environ.get(kind.variable)]
    for engine in wanted:
        engine.program()
    if not wanted:
        yield {}
        return
    var.mkdir(parents=True, exist_ok=True)
    _require_write_access(var, *(engine.home for engine in wanted))
    with exclusive(var=var), termination_raised(), _running(wanted, announce) as started:
        yield {process.engine.variable: process.engine.url(port=process.port) for process in started}


def _require_write_access(*folders: Path) -> None:
    for folder in folders:
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise EmbeddedError(f"{folder} belongs to another user; remove it, or set NEXUS_VAR to another directory.")


@contextmanager
def _running(wanted: Sequence[Engine], announce: Callable[[str], None]) -> Iterator[list[EngineProcess]]:
    owner = os.getpid()
    started: list[EngineProcess] = []
    try:
        for engine in wanted:
            stop_leftovers(engine=engine, announce=announce)
        began = time.monotonic()
        for engine in wanted:
            engine.prepare()
            started.append(EngineProcess(engine=engine))
            started[-1].launch()
        for process in started:
            process.wait_until_ready()
            announce(f"{process.engine.title} answers after {time.monotonic() - began:.1f} s")
        yield started
    finally:
        # A fork of the owner that leaves this block must not touch the engines or their records.
        if os.getpid() == owner:
            _stop(started)


def _stop(started: Sequence[EngineProcess]) -> None:
    with held():
        for process in started:
            process.ask_to_stop()
        for process in started:
            process.wait_until_stopped()
