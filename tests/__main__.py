"""
``python -m tests``: the whole suite as three pytest processes side by side, each with engines of its own.

A good part of it waits: for processes to start, for faults to pass, for a broker to come back. With words of pytest's,
such as ``tests/orders -k cancel``, it is one plain pytest.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
BESIDE = (
    (
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
    ),
    ("claims", "embedded", "eventbus", "mixed", "shapes"),
)
"""Folders that run beside all the rest, each line of them in a process of its own; about a third of the time each."""
PYTEST = [sys.executable, "-m", "pytest"]


def parts() -> tuple[list[list[str]], list[str]]:
    """The arguments of each: what is named, and everything but that, so that no new folder can fall between them."""
    named = [[f"tests/{name}" for name in names if (ROOT / "tests" / name).is_dir()] for names in BESIDE]
    return named, [f"--ignore={folder}" for folders in named for folder in folders]


def main(words: Sequence[str]) -> int:
    """The exit status: that of pytest, or of the first part that failed."""
    if words:
        return subprocess.call([*PYTEST, *words], cwd=ROOT)
    named, rest = parts()
    with ExitStack() as files:
        told = [files.enter_context(tempfile.TemporaryFile()) for _ in named]
        others = [_begin(folders, output) for folders, output in zip(named, told, strict=True)]
        try:
            statuses = [subprocess.call([*PYTEST, *rest], cwd=ROOT), *(other.wait() for other in others)]
        except BaseException:
            for other in others:
                other.terminate()
                other.wait()
            raise
        for output in told:
            output.seek(0)
            print(output.read().decode(errors="replace"), flush=True)
    return next((status for status in statuses if status), 0)


def _begin(folders: Sequence[str], output: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([*PYTEST, "-q", *folders], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
