"""
An app that lets a process die at the failpoints of its table, as a power cut would: once for each time one is armed.

Arming is making a file; the process that gets to move it to the folder of those that were hit dies there.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from functools import reduce, wraps
from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import AppConfig

from tests.failpoints.table import FAILPOINTS, Failpoint

FOLDER, PROCESS = "FAILPOINTS_FOLDER", "FAILPOINTS_PROCESS"
OFTEN = 0.5
"""Seconds between rounds of the chores that are due every minute or so: nobody waits for them here."""


class FailpointsConfig(AppConfig):
    name = "tests.failpoints"

    def ready(self) -> None:
        folder = Path(os.environ[FOLDER])
        for point in FAILPOINTS:
            if point.process == os.environ[PROCESS]:
                owner, attribute = owner_of(point.target)
                setattr(owner, attribute, _dying(getattr(owner, attribute), point, folder))
        _hurry_chores()


def owner_of(target: str) -> tuple[Any, str]:
    """
    The module or class that has the function, and its name there.

    :raises ImportError, AttributeError: the code has no such function
    """
    module, _, path = target.partition(":")
    *owners, attribute = path.split(".")
    owner = reduce(getattr, owners, import_module(module))
    if not callable(getattr(owner, attribute)):
        raise AttributeError(f"{target} is not a function")
    return owner, attribute


def _dying(original: Callable[..., Any], point: Failpoint, folder: Path) -> Callable[..., Any]:
    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        here = not point.holding or point.holding in repr((args, kwargs))
        if here and point.moment == "before":
            _die(point, folder)
        result = original(*args, **kwargs)
        if here and point.moment == "after" and (result is None or result):
            _die(point, folder)
        return result

    return call


def _die(point: Failpoint, folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder / "armed" / point.name, folder / "hit" / point.name)
        os._exit(137)


def _hurry_chores() -> None:
    from nexus.eventbus.registry import members

    for name, member in members.items():
        chores = {chore: min(every, OFTEN) if every <= 60 else every for chore, every in member.chores.items()}
        members[name] = replace(member, chores=chores)
