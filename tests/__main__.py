"""
``python -m tests``: the whole suite as two pytest processes side by side, each with engines of its own.

A good part of it waits: for processes to start, for faults to pass, for a broker to come back. With words of pytest's,
such as ``tests/orders -k cancel``, it is one plain pytest.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNDER_FIRE = (
    "architecture",
    "chaos",
    "deploy",
    "extraction",
    "failpoints",
    "kubernetes",
    "observability",
    "regions",
    "resilience",
    "restore",
    "simulation",
)
"""What runs beside all the rest; about half of the time."""
PYTEST = [sys.executable, "-m", "pytest"]


def halves() -> tuple[list[str], list[str]]:
    """The arguments of both: what is named, and everything but that, so that no new folder can fall between them."""
    folders = [f"tests/{name}" for name in UNDER_FIRE if (ROOT / "tests" / name).is_dir()]
    return folders, [f"--ignore={folder}" for folder in folders]


def main(words: Sequence[str]) -> int:
    """The exit status: that of pytest, or of the half that failed."""
    # Hundreds of processes are started: a quarter of what the beginning of each costs is compiling what others have.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if words:
        return subprocess.call([*PYTEST, *words], cwd=ROOT)
    beside, rest = halves()
    with tempfile.TemporaryFile() as told:
        other = subprocess.Popen([*PYTEST, "-q", *beside], cwd=ROOT, stdout=told, stderr=subprocess.STDOUT)
        try:
            statuses = [subprocess.call([*PYTEST, *rest], cwd=ROOT), other.wait()]
        except BaseException:
            other.terminate()
            other.wait()
            raise
        told.seek(0)
        print(told.read().decode(errors="replace"), flush=True)
    return next((status for status in statuses if status), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
