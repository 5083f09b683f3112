"""
Writes requirements/: for each app the names of all that must be installed for its image, one a line.

That is what its files and those of the shelf import, what its settings name as text, what starts the server, and all
that these need themselves, as the installed packages say. `tests/deploy/test_image.py` compares.
"""

import ast
import os
import runpy
import sys
from collections.abc import Iterable, Iterator, Set
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).with_name("requirements")
ALONE: dict[str, Any] = runpy.run_path(str(Path(__file__).with_name("alone.py")))
SERVER = {"httptools", "uvloop"}
"""What uvicorn is told to use, and does not ask for by itself."""
IMAGES_PYTHON = {"python_version": "3.11", "python_full_version": "3.11.16", "sys_platform": "linux"}
UNSEEN = {"django.contrib.auth.hashers.Argon2PasswordHasher": "argon2-cffi"}
"""What a text in the settings needs besides the package it is in."""


def needed(*, app: str, root: Path = ROOT) -> set[str]:
    """The names of all that the image of the app must have installed."""
    with TemporaryDirectory() as home:
        ALONE["copy_tree"](app=app, root=root, home=Path(home))
        imported = {module for file in Path(home).rglob("*.py") for module in imports(file.read_text())}
    texts = set(_texts(_settings(app)))
    named = {text.partition(".")[0] for text in texts}
    direct = SERVER | {UNSEEN[text] for text in texts & UNSEEN.keys()} | _distributions(imported | named)
    return _closure(direct)


def imports(code: str) -> Iterator[str]:
    """The outermost package of each import, wherever it stands."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Import(names=names):
                yield from (each.name.partition(".")[0] for each in names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield module.partition(".")[0]


@cache
def _asked_for() -> dict[str, Requirement]:
    """The lines of requirements.in, which say with what extras, by name."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.in").read_text().splitlines()]
    return {canonicalize_name(each.name): each for each in map(Requirement, filter(None, lines))}


@cache
def _locked() -> frozenset[str]:
    return frozenset(name for name, _ in ALONE["_blocks"]((ROOT / "requirements.txt").read_text()))


def _distributions(modules: Set[str]) -> set[str]:
    """Which of the locked requirements these modules are from."""
    places = packages_distributions()
    return {canonicalize_name(name) for module in modules for name in places.get(module, ())} & _locked()


def _closure(names: Iterable[str]) -> set[str]:
    """These and all that they need, with the extras that requirements.in asks for."""
    found, waiting = set[str](), [(name, frozenset(_extras(name))) for name in names]
    seen = set[tuple[str, frozenset[str]]]()
    while waiting:
        if (current := waiting.pop()) in seen:
            continue
        seen.add(current)
        name, extras = current
        found.add(name)
        needs = [each for text in requires(name) or () if _applies(each := Requirement(text), extras)]
        waiting += [(canonicalize_name(each.name), frozenset(each.extras)) for each in needs]
    return found


def _extras(name: str) -> set[str]:
    return _asked_for()[name].extras if name in _asked_for() else set()


def _applies(requirement: Requirement, extras: Set[str]) -> bool:
    if requirement.marker is None:
        return True
    place = {**default_environment(), **IMAGES_PYTHON}
    return any(requirement.marker.evaluate(place | {"extra": extra}) for extra in (*extras, ""))


def _settings(app: str) -> dict[str, Any]:
    """What Django itself reads of an app's settings; not what they are made from."""
    from django.conf import global_settings

    module = vars(import_module(f"nexus.settings.{app}"))
    return {name: value for name, value in module.items() if name.isupper() and hasattr(global_settings, name)}


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list() | tuple():
            for each in value:
                yield from _texts(each)


def main() -> None:
    os.environ["NEXUS_DEMO"] = "1"
    sys.path.insert(0, str(ROOT))
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as var:
        os.environ["NEXUS_VAR"] = var
        for app in ALONE["APPS"]:
            (FOLDER / f"{app}.txt").write_text("".join(f"{name}\n" for name in sorted(needed(app=app))))


if __name__ == "__main__":
    main()
