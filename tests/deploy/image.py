"""
The Dockerfile's steps as plain processes in a scratch folder, and a stand-in for what an image has not installed.

``python -m tests.deploy.image`` carries them out for the monolith and for each app alone, a line for each.
"""

import os
import runpy
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.utils import canonicalize_name

from tests.deploy.tools import REPOSITORY, all_instructions

BESIDE = REPOSITORY / "deploy" / "image"
ALONE: dict[str, Any] = runpy.run_path(str(BESIDE / "alone.py"))
OF_THE_SYSTEM = ("pip --python", "useradd")
"""Steps that install into the image, or change its system."""
REFUSAL = """
import sys

class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"the image has no {name}", name=name)

sys.meta_path.insert(0, Refusal())
"""


def build(*, app: str, folder: Path) -> Path:
    """
    Carry out the Dockerfile for one app; what would be /app in its image.

    :raises subprocess.CalledProcessError: a step failed
    """
    stages = {"/build": folder / "build", "/app": folder / "image"}
    at = folder
    for word, rest in all_instructions():
        match word, rest.split():
            case "WORKDIR", [place]:
                at = stages[place]
                at.mkdir(exist_ok=True)
            case "COPY", [*sources, target] if "--from" not in rest:
                for source in sources:
                    _copy(REPOSITORY / source, at / target / ("" if target.endswith("./") else "."))
            case "COPY", ["--from=build", "/app", "./"]:
                shutil.copytree(folder / "app", at, dirs_exist_ok=True)
            case "RUN", _ if not any(each in rest for each in OF_THE_SYSTEM):
                script = rest.replace("/tmp/build", str(folder / "made-up")).replace(" /app", f" {folder / 'app'}")
                subprocess.run(["sh", "-euc", script], cwd=at, env=environment(app, folder), check=True, text=True)
    return stages["/app"]


def environment(app: str, folder: Path) -> dict[str, str]:
    """Of whatever runs in the image: its settings, and no package that it has not."""
    python = Path(sys.executable).parent
    (settings,) = [rest.split()[-1] for word, rest in all_instructions() if word == "ENV"]
    name, _, module = settings.replace("$APP", app).partition("=")
    return {"PATH": f"{python}:{os.environ['PATH']}", "APP": app, name: module, **lacking(app, folder)}


def lacking(app: str, folder: Path) -> dict[str, str]:
    """Variables under which Python imports nothing of what the app's image has not installed."""
    if app == ALONE["MONOLITH"]:
        return {}
    has = set((BESIDE / "requirements" / f"{app}.txt").read_text().split())
    refused = {
        module for module, names in packages_distributions().items() if not has & {canonicalize_name(n) for n in names}
    }
    (folder / "lacking").mkdir(exist_ok=True)
    (folder / "lacking" / "sitecustomize.py").write_text(f"REFUSED = {refused!r}\n{REFUSAL}")
    return {"PYTHONPATH": str(folder / "lacking")}


def files(folder: Path) -> set[str]:
    """All of them but compiled ones, by their way from there."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if not path.endswith(".pyc")}


def _copy(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)


def main() -> None:
    for app in (ALONE["MONOLITH"], *ALONE["APPS"]):
        with TemporaryDirectory() as folder:
            home = build(app=app, folder=Path(folder))
            code = [name for name in files(home) if name.endswith(".py")]
            names = [name for name, _ in ALONE["_blocks"](ALONE["chosen_requirements"](app=app, root=REPOSITORY))]
        print(f"image {app}: begins with {len(code)} files and {len(names)} packages", flush=True)


if __name__ == "__main__":
    main()
