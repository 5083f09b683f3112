"""
What goes into an image: the monolith, or one app alone with the shelf that all of them stand on.

    python alone.py requirements orders > chosen.txt    # the locked requirements that are needed
    python alone.py tree orders /app                    # the files that are needed, copied to a new folder

Both read the project in the current folder. What an app needs to be installed is listed in requirements/, one name a
line, which make_requirements.py keeps.
"""

import shutil
import sys
from collections.abc import Iterator, Set
from pathlib import Path

APPS = ("accounts", "catalog", "gateway", "inventory", "orders")
MONOLITH = "monolith"
SHELF = ("contracts", "eventbus", "telemetry", "web")
"""Not `embedded`, which starts engines where there are no containers."""
SETTINGS = ("__init__", "base", "databases", "environment", "regions", "secrets")
MORE_SETTINGS = {"accounts": ("staff",)}
BESIDE = ("manage.py", "deploy/image/connected.py")

_LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.pyc")


def copy_tree(*, app: str, root: Path, home: Path) -> None:
    """Copy what the image of the app has of the project at ``root`` to ``home``."""
    nexus = root / "nexus"
    if app == MONOLITH:
        shutil.copytree(nexus, home / "nexus", ignore=_LEFT_BEHIND)
    else:
        for package in (*SHELF, app):
            shutil.copytree(nexus / package, home / "nexus" / package, ignore=_LEFT_BEHIND)
        settings = [f"nexus/settings/{name}.py" for name in (*SETTINGS, *MORE_SETTINGS.get(app, ()), app)]
        for name in (*settings, *(f"nexus/{path.name}" for path in nexus.glob("*.py"))):
            _copy(name, root, home)
    for name in BESIDE:
        _copy(name, root, home)


def _copy(name: str, root: Path, home: Path) -> None:
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(root / name, home / name)


def chosen_requirements(*, app: str, root: Path) -> str:
    """
    The part of requirements.txt that the app needs, versions and hashes as they are there.

    :raises LookupError: something that it needs is not locked
    """
    locked = (root / "requirements.txt").read_text()
    if app == MONOLITH:
        return locked
    wanted = set((root / "deploy" / "image" / "requirements" / f"{app}.txt").read_text().split())
    blocks = dict(_blocks(locked))
    if missing := wanted - blocks.keys():
        raise LookupError(f"not in requirements.txt: {', '.join(sorted(missing))}")
    return "".join(text for name, text in blocks.items() if name in wanted)


def _blocks(locked: str) -> Iterator[tuple[str, str]]:
    """Each requirement's name, and its lines: all that follow it and are set in."""
    name, lines = "", list[str]()
    for line in locked.splitlines(keepends=True):
        if not line[0].isspace():
            if name:
                yield name, "".join(lines)
            name, lines = line.partition("==")[0], []
        lines.append(line)
    yield name, "".join(lines)


def main(arguments: list[str], *, apps: Set[str] = frozenset({MONOLITH, *APPS})) -> int:
    match arguments:
        case ["tree", app, home] if app in apps:
            copy_tree(app=app, root=Path.cwd(), home=Path(home))
        case ["requirements", app] if app in apps:
            sys.stdout.write(chosen_requirements(app=app, root=Path.cwd()))
        case _:
            sys.stderr.write(
                f"alone.py requirements APP | tree APP FOLDER, where APP is one of {', '.join(sorted(apps))}\n"
            )
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
