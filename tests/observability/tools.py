"""Prometheus and promtool: those on the PATH, else Debian's package, unpacked under ``var/tools``."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.deploy.tools import REPOSITORY

FOLDER = REPOSITORY / "var" / "tools"
"""Whatever NEXUS_VAR says: it is fetched once, not once for each run's engines."""
SHIPPED = REPOSITORY / "deploy" / "observability"


class NotInstalled(Exception):
    """A tool is missing and cannot be fetched."""


@cache
def tool(name: str) -> Path:
    """
    Where ``prometheus`` or ``promtool`` is.

    :raises NotInstalled: it is nowhere, with what to do about it
    """
    if found := shutil.which(name):
        return Path(found)
    unpacked = FOLDER / "prometheus" / "usr" / "bin" / name
    if not unpacked.exists():
        _fetch()
    return unpacked


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool to its end."""
    return subprocess.run([tool("promtool"), *words], capture_output=True, text=True, check=False, timeout=120)


def _fetch() -> None:
    if not shutil.which("apt-get"):
        raise NotInstalled("no promtool on the PATH, and no apt-get to fetch one: install Prometheus 2.42 or newer")
    # A folder of this process: another run may be fetching too.
    draft = FOLDER / f"draft-{os.getpid()}"
    draft.mkdir(parents=True, exist_ok=True)
    try:
        if said := _complaint("apt-get", "download", "prometheus", folder=draft):
            _complaint("apt-get", "update", folder=draft)
            said = _complaint("apt-get", "download", "prometheus", folder=draft)
        if said:
            raise NotInstalled(f"no promtool on the PATH, and fetching it failed; install Debian's prometheus: {said}")
        (package,) = draft.glob("prometheus_*.deb")
        if said := _complaint("dpkg-deb", "-x", str(package), str(draft / "prometheus"), folder=draft):
            raise NotInstalled(f"Debian's prometheus cannot be unpacked: {said}")
        if not (FOLDER / "prometheus").exists():
            (draft / "prometheus").rename(FOLDER / "prometheus")
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _complaint(*command: str, folder: Path) -> str:
    """What the command said, if it failed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    return (done.stderr or f"{command[0]} failed").strip() if done.returncode else ""
