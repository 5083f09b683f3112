"""``make restore``: the shop of ``make run`` as a backup has it."""

import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from . import changes
from .errors import EmbeddedError
from .foreground import run_to_be_ended
from .launcher import ENGINES, engines
from .lock import exclusive
from .mongo import Mongo
from .mongo_copy import read_copy
from .postgres import Postgres
from .process import stop_leftovers
from .progress import Progress
from .run import demo_environment
from .wheels import VARIABLES

POSTGRES, MONGO, KEPT, FINGERPRINT = "postgres", "mongo", "kept", "fingerprint.json"
FILES = ("demo.json", "secrets", changes.WANTED)
"""Of the shop's directory, what no engine keeps: logins and keys of the demo, settings that were changed."""
SOMETHING_LEFT = 2
"""The exit status of `manage.py recover` when all is back, and not all of it in order."""


def restore(*, var: Path, source: Path, progress: Progress) -> int:
    """
    Make the shop in `var` what a backup says; the exit status of `manage.py recover`.

    :raises EmbeddedError: there is a shop already, or the backup is not whole
    """
    require_own_engines()
    if not (source / FINGERPRINT).exists():
        raise EmbeddedError(f"{source} is no backup: it has no {FINGERPRINT}.")
    if found := [kind.name for kind in ENGINES if (var / kind.name / "data").exists()]:
        raise EmbeddedError(f"{var} has a shop already ({', '.join(found)}); move it away: mv {var} {var}.lost")
    var.mkdir(parents=True, exist_ok=True)
    draft = var / "restoring"
    with exclusive(var=var):
        clear(draft)
        with progress.step(title="bringing the stores back and together"), ExitStack() as stack:
            environment = bring_back(source, draft, durable=True, stack=stack)
            status = manage("recover", "--against", str(source / FINGERPRINT), environment=environment)
        if status not in (0, SOMETHING_LEFT):
            raise EmbeddedError(f"it is not what was backed up; what came of it is in {draft}, and {var} has no shop.")
        _put_in_place(draft, var)
    return status


def _put_in_place(draft: Path, var: Path) -> None:
    # Not before all is well: a restore that was broken off leaves nothing that could be taken for a shop.
    (draft / "lock").unlink()
    _remove(var / changes.WANTED)
    for entry in draft.iterdir():
        _remove(var / entry.name)
        entry.replace(var / entry.name)
    draft.rmdir()
    # The queues of the shop that was lost belong to another life: this one will have others.
    _remove(var / "bus")


def clear(folder: Path) -> None:
    """Remove what an earlier try left, with its engines."""
    for kind in ENGINES if folder.exists() else ():
        stop_leftovers(engine=kind(var=folder, durable=False), announce=print)
    shutil.rmtree(folder, ignore_errors=True)


def bring_back(source: Path, var: Path, *, durable: bool, stack: ExitStack) -> dict[str, str]:
    """Start engines in `var`, which is made, with what the backup has; what commands find in their environment."""
    var.mkdir(parents=True)
    Postgres(var=var, durable=durable).take_over(source / POSTGRES)
    copy_kept(source / KEPT, var)
    addresses = stack.enter_context(engines(var=var, durable=durable, announce=lambda _: None))
    read_copy(url=addresses[Mongo.variable], folder=source / MONGO)
    # Whatever carries events in the shop: here they are carried at once, and nobody else is there.
    return demo_environment(addresses, var) | {"NEXUS_EVENT_BUS": "inprocess"}


def copy_kept(source: Path, target: Path) -> None:
    """Copy what no engine keeps."""
    target.mkdir(exist_ok=True)
    for name in FILES:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name)
        elif (source / name).exists():
            shutil.copy2(source / name, target / name)


def manage(*words: str, environment: Mapping[str, str], output: IO[bytes] | None = None) -> int:
    """The exit status of a management command."""
    return run_to_be_ended(command=[sys.executable, "manage.py", *words], environment=environment, output=output)


def require_own_engines() -> None:
    """:raises EmbeddedError: an engine is the user's own, to be copied and brought back by its own tools"""
    if named := [name for name in VARIABLES if os.environ.get(name)]:
        raise EmbeddedError(f"{', '.join(named)} is set: back that up with its own tools (docs/operations.md).")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
