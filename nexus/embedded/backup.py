"""
``make backup``: the shop of ``make run`` in a folder.

Postgres is copied whole: its three databases are of one instant, with the transaction ids by which logs are ordered
(ADR 0003). MongoDB is copied after it: catalog tells and hardly hears, and news that was told and not heard can be told
again. Redis and the broker are not copied; all that they hold is made again. A backup is restored once before it is
called one, which is also where its fingerprint comes from.
"""

import shutil
from contextlib import ExitStack
from pathlib import Path

from . import changes
from .errors import EmbeddedError
from .mongo import Mongo
from .mongo_copy import write_copy
from .postgres import Postgres
from .progress import Progress
from .restoration import FINGERPRINT, KEPT, MONGO, POSTGRES, bring_back, clear, copy_kept, manage, require_own_engines
from .status import running_engines

STAGE = "rehearsal"


def back_up(*, var: Path, to: Path, progress: Progress) -> None:
    """
    Copy the shop whose engines run in `var` into a new folder, while it goes on.

    :raises EmbeddedError: it does not run, an engine is the user's own or an app apart, `to` is there already, or the
        copy is no good
    """
    require_own_engines()
    if to.exists():
        raise EmbeddedError(f"{to} is there already; a backup is a new folder.")
    if apart := sorted(changes.wanted(var=var).keys() & changes.APART):
        where = f"{', '.join(apart)} in {var / changes.WANTED}"
        raise EmbeddedError(f"{where} leads to another server: back each up with its own tools (docs/operations.md).")
    addresses = running_engines(var=var)
    draft = to.with_name(f"{to.name}.part")
    clear(draft / STAGE)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    with progress.step(title="copying PostgreSQL"):
        Postgres(var=var, durable=True).copy_to(draft / POSTGRES, url=addresses[Postgres.variable])
    with progress.step(title="copying MongoDB"):
        write_copy(url=addresses[Mongo.variable], folder=draft / MONGO)
    copy_kept(var, draft / KEPT)
    with progress.step(title="restoring it once, to see that it can be"):
        _rehearse(draft)
    draft.rename(to)


def _rehearse(draft: Path) -> None:
    stage = draft / STAGE
    with ExitStack() as stack, (draft / FINGERPRINT).open("wb") as file:
        environment = bring_back(draft, stage, durable=False, stack=stack)
        status = manage("fingerprint", "--json", environment=environment, output=file)
    if status:
        raise EmbeddedError(f"the backup could not be read when it was restored: {(draft / FINGERPRINT).read_text()}")
    shutil.rmtree(stage)
