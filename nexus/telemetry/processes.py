"""
Figures of several processes as one: each writes its own into files of a common folder; whoever is asked adds them up.

To be called before anything imports ``prometheus_client``, which looks for the folder once, when it is imported.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client's own variable."""


def share_figures(*, role: str, owner: int) -> Path | None:
    """
    Use the folder of this role's processes, of which `owner` started the others; folders whose owner is gone go too.

    An environment that names a folder already has its way. None when it is too late: this process counts alone.
    """
    if "prometheus_client" in sys.modules:
        return None
    if named := os.environ.get(FOLDER):
        return Path(named)
    # A container's own directory cannot be written to.
    var = os.environ.get("NEXUS_VAR")
    root = Path(var).resolve() / "figures" if var else Path(tempfile.gettempdir()) / f"nexus-figures-{os.getuid()}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.getuid():
        raise PermissionError(f"{root} belongs to somebody else")
    for old in root.glob(f"{role}-*"):
        if not _lives(int(old.name.rpartition("-")[2])):
            shutil.rmtree(old, ignore_errors=True)
    folder = root / f"{role}-{owner}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ[FOLDER] = str(folder)
    return folder


def forget_the_dead(folder: Path) -> None:
    """What processes that are gone had in hand counts no more; what they did does."""
    for file in folder.glob("gauge_live*_*.db"):
        if not _lives(int(file.stem.rpartition("_")[2])):
            file.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
