"""PostgreSQL refuses to run as root, so root runs it as somebody else."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from .errors import EmbeddedError

_NAME = "nobody"


class Switch(TypedDict, total=False):
    """The arguments of ``subprocess`` that change the user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, kw_only=True)
class Account:
    """The user a program runs as; no user means the present one."""

    user: int | None = None
    group: int | None = None
    setpriv: str | None = None

    def words(self, *, command: Sequence[str]) -> list[str]:
        """Return the command that runs ``command`` as this account, to be started with :meth:`switch`."""
        if self.setpriv is None:
            return list(command)
        ids = [f"--reuid={self.user}", f"--regid={self.group}", "--clear-groups"]
        return [self.setpriv, *ids, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--", *command]

    def switch(self) -> Switch:
        """Return the arguments for ``subprocess``; empty when nothing changes."""
        if self.user is None or self.group is None or self.setpriv is not None:
            return {}
        return {"user": self.user, "group": self.group, "extra_groups": []}

    def own(self, *, folder: Path) -> None:
        """Give the folder, or file, to this account."""
        if self.user is not None and self.group is not None:
            os.chown(folder, self.user, self.group)

    def reaches(self, *, folder: Path, program: Path) -> bool:
        """Tell whether this account may enter the folder and run the program."""
        test = ["/bin/sh", "-c", 'test -x "$0" && test -x "$1"', str(folder), str(program)]
        done = subprocess.run(
            self.words(command=test), check=False, cwd="/", stderr=subprocess.DEVNULL, **self.switch()
        )
        return done.returncode == 0


def account_for(*, data: Path, program: Path) -> Account:
    """
    Return the account that the program may run as: the owner of ``data`` if it exists, else nobody.

    :raises EmbeddedError: the present user is root and there is no such account, or it cannot reach the files
    """
    if os.geteuid() != 0:
        return Account()
    plain = _owner(data) or _nobody()
    if plain.reaches(folder=data.parent, program=program):
        return plain
    # Typically a checkout in root's own home, which is closed to others. The right to pass
    # closed directories is the one thing of root's that the other user is lent.
    lent = replace(plain, setpriv=shutil.which("setpriv"))
    if lent.setpriv is not None and lent.reaches(folder=data.parent, program=program):
        return lent
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and user {_NAME} cannot reach {data.parent} and {program}; "
        "move the checkout out of root's home, run as an ordinary user, or set NEXUS_POSTGRES_URL."
    )


def _owner(data: Path) -> Account | None:
    if not data.exists() or data.stat().st_uid == 0:
        return None
    return Account(user=data.stat().st_uid, group=data.stat().st_gid)


def _nobody() -> Account:
    import pwd  # Not at the top: Windows has none, and the sentence about Windows must still be said.

    try:
        entry = pwd.getpwnam(_NAME)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL does not run as root and this system has no user {_NAME}; "
            "run as an ordinary user, or set NEXUS_POSTGRES_URL."
        ) from None
    return Account(user=entry.pw_uid, group=entry.pw_gid)
