"""
Figures of several processes as one: each writes its own into files of a common folder; whoever is asked adds them up.

To be called before anything imports ``prometheus_client``, which looks for the folder once, when it is imported.
"""

import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

log = logging.getLogger("nexus.telemetry")

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client's own variable."""


def share_figures(*, role: str, owner: int) -> Path | None:
    """
    Use the folder of this role's processes, of which `owner` started the others.

    An environment that names a folder already has its way. None, and this process counts alone, where there can be no
    folder, or where it is too late for one.
    """
    if "prometheus_client" in sys.modules:
        return None
    if named := os.environ.get(FOLDER):
        return Path(named)
    try:
        folder = make_folder(role=role, owner=owner)
    except OSError as why:
        # Nobody's shop stays shut because it cannot be counted.
        log.warning("each process counts alone: %s", why)
        return None
    os.environ[FOLDER] = str(folder)
    return folder


def make_folder(*, role: str, owner: int) -> Path:
    """
    The folder for processes that `owner` starts; folders whose owner is gone go too.

    :raises OSError: it cannot be made, or is not ours
    """
    # A container's own directory cannot be written to.
    var = os.environ.get("NEXUS_VAR")
    root = Path(var).resolve() / "figures" if var else Path(tempfile.gettempdir()) / f"nexus-figures-{os.getuid()}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.getuid():
        raise PermissionError(f"{root} belongs to somebody else")
    for old in root.glob(f"{role}-*"):
        if not _lives(old.name.rpartition("-")[2]):
            shutil.rmtree(old, ignore_errors=True)
    folder = root / f"{role}-{owner}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def forget_the_dead(folder: Path) -> None:
    """What processes that are gone had in hand counts no more; what they did does."""
    for file in folder.glob("gauge_live*_*.db"):
        if not _lives(file.stem.rpartition("_")[2]):
            file.unlink(missing_ok=True)


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except (ValueError, PermissionError):
        # Somebody else's, or no process at all.
        return True
    return True
