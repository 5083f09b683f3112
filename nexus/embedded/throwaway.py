"""Engines for one test run: empty at first, gone afterwards."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .identity import Identity
from .launcher import ENGINES, engines
from .process import stop_leftovers


@contextmanager
def throwaway_engines(*, parent: Path, announce: Callable[[str], None]) -> Iterator[dict[str, str]]:
    """
    Run engines in a new directory ``parent/<pid>`` and remove it at the end; yields what :func:`engines` yields.

    Simultaneous runs do not meet. What a killed run left in ``parent`` is stopped and removed first.

    :raises EmbeddedError: as :func:`engines`
    """
    parent.mkdir(parents=True, exist_ok=True)
    for folder in parent.iterdir():
        _sweep(folder, announce)
    owner = os.getpid()
    var = parent / str(owner)
    try:
        with engines(var=var, durable=False, announce=announce) as environment:
            yield environment
    finally:
        if os.getpid() == owner:  # not for a fork that leaves the block
            shutil.rmtree(var, ignore_errors=True)


def _sweep(folder: Path, announce: Callable[[str], None]) -> None:
    if not folder.name.isdigit() or not folder.is_dir():
        return
    # Our own pid is never that of the run which left the folder. Any other living process may be it.
    pid = int(folder.name)
    if pid != os.getpid() and Identity.of(pid=pid) is not None:
        return
    for kind in ENGINES:
        stop_leftovers(engine=kind(var=folder.resolve(), durable=False), announce=announce)
    shutil.rmtree(folder, ignore_errors=True)
