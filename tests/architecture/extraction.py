"""
Takes one app out of the project and proves that it stands alone.

``python -m tests.architecture.extraction APP [--keep DIR]`` copies the shelf, the app and its tests to a new directory,
without the other apps, and there checks, prepares, serves and tests it against real engines. The exit status says
whether it can leave; DIR, if given, keeps the tree.
"""

import argparse
import runpy
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nexus.embedded.interrupts import Terminated, termination_raised
from tests.architecture.extraction_engines import engines_of_its_own
from tests.architecture.extraction_steps import STEPS, LoneApp, StepFailed
from tests.architecture.hidden_rules import APPS

ROOT = Path(__file__).resolve().parents[2]
IMAGE: dict[str, Any] = runpy.run_path(str(ROOT / "deploy" / "image" / "alone.py"))


def copy_alone(*, app: str, root: Path, home: Path) -> None:
    """Copy what leaves with the app from the project at ``root`` to ``home``: what its image has, and to test that."""
    IMAGE["copy_tree"](app=app, root=root, home=home)
    shutil.copytree(root / "nexus" / "embedded", home / "nexus" / "embedded", ignore=_LEFT_BEHIND)
    if (root / "tests" / app).is_dir():
        shutil.copytree(root / "tests" / app, home / "tests" / app, ignore=_LEFT_BEHIND)
    (home / "tests").mkdir(exist_ok=True)
    shared = [f"tests/{path.name}" for path in (root / "tests").glob("*.py")]
    for name in ("pyproject.toml", *shared):
        shutil.copy2(root / name, home / name)


def extract(*, app: str, root: Path, home: Path) -> bool:
    """Copy the app to ``home``, run the steps there until one fails, a line for each; True when none does."""
    copy_alone(app=app, root=root, home=home)
    print(f"{app}, without {', '.join(other for other in APPS if other != app)}:", flush=True)
    with engines_of_its_own(app=app, var=root / "var" / "extraction") as addresses:
        return all(_went_well(title, LoneApp(app=app, home=home, engines=addresses)) for title in STEPS)


def _went_well(title: str, lone: LoneApp) -> bool:
    started = time.monotonic()
    try:
        detail = STEPS[title](lone)
    except StepFailed as failure:
        print(f"  FAILED  {title}: {failure}", flush=True)
        return False
    print(f"  ok      {title}: {detail} ({time.monotonic() - started:.1f} s)", flush=True)
    return True


@contextmanager
def _home(keep: Path | None) -> Iterator[Path]:
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with TemporaryDirectory(prefix="nexus-alone-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def main(*, arguments: Sequence[str]) -> int:
    """Do what the command line says and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.architecture.extraction", description="Take one app out.")
    parser.add_argument("app", choices=APPS)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="a new or empty directory in which the tree stays")
    options = parser.parse_args(arguments)
    if options.keep and options.keep.exists() and any(options.keep.iterdir()):
        parser.error(f"{options.keep} is not empty")
    try:
        with termination_raised(), _home(options.keep) as home:
            can_leave = extract(app=options.app, root=ROOT, home=home)
    except Terminated as signal_:
        return 128 + signal_.signum
    print(f"{options.app} can leave" if can_leave else f"{options.app} cannot leave: see the first failure above")
    return 0 if can_leave else 1


_LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.pyc")

if __name__ == "__main__":
    sys.exit(main(arguments=sys.argv[1:]))
