"""One owner per directory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import AlreadyStarted


@contextmanager
def exclusive(*, var: Path) -> Iterator[None]:
    """
    Hold the directory for this process; the system lets go of it even when the process is killed.

    :raises AlreadyStarted: another process holds it
    """
    # Not at the top: the module has to import on Windows so that the sentence about Windows can be said.
    import fcntl

    with open(var / "lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyStarted(
                f"The engines in {var} are already running for process {file.read().strip() or 'unknown'}; "
                "stop that one first, or set NEXUS_VAR to another directory."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)
