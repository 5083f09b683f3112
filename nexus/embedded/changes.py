"""
Settings of a shop that runs: what is written into ``VAR/shop.env`` holds for its processes from then on.

Who supervises them sees the file change, and starts them anew; who changes it waits until that is done.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from .errors import EmbeddedError

WANTED, IN_FORCE, BUS = "shop.env", "shop.env.in-force", "bus.env"
CARRIES = ("NEXUS_EVENT_BUS", "NEXUS_BUS_NAMESPACE", "NEXUS_BROKER_URL", "NEXUS_KAFKA_SERVERS")
APART = {"NEXUS_SERVICES", "NEXUS_POSTGRES_ELSEWHERE"}
"""What says that some of the shop is not in its own engines."""
WITHIN = 120.0
LOOK_EVERY = 0.1


def wanted(*, var: Path) -> dict[str, str]:
    """The settings that are to hold, by name; none when nothing was ever changed."""
    return _read(var / WANTED)


def change(changes: Mapping[str, str], *, var: Path) -> None:
    """
    Write them down and return when they hold; an empty value takes the setting away.

    :raises EmbeddedError: nobody supervises a shop there, or it takes too long
    """
    if not (var / BUS).exists():
        raise EmbeddedError(f"No shop of several processes runs in {var}; `make run SHAPE=monolith` starts one.")
    found = {name: value for name, value in (wanted(var=var) | dict(changes)).items() if value}
    _write(var / WANTED, found)
    until = time.monotonic() + WITHIN
    while in_force(var=var) != found:
        if time.monotonic() > until:
            raise EmbeddedError(f"The shop's processes were not started anew within {WITHIN:.0f} seconds.")
        time.sleep(LOOK_EVERY)


def in_force(*, var: Path) -> dict[str, str]:
    """The settings that all processes of the shop have."""
    return _read(var / IN_FORCE)


def tell_in_force(settings: Mapping[str, str], *, var: Path) -> None:
    """Say that all processes have these."""
    _write(var / IN_FORCE, settings)


def tell_bus(*, var: Path) -> None:
    """Write down what carries the events, for whoever runs a command beside the shop."""
    _write(var / BUS, {name: os.environ[name] for name in CARRIES if os.environ.get(name)})


def forget_bus(*, var: Path) -> None:
    """The shop has ended."""
    (var / BUS).unlink(missing_ok=True)


def bus(*, var: Path) -> dict[str, str]:
    """What carries the events of the shop that runs there; nothing when its web process does."""
    return _read(var / BUS)


def _read(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def _write(file: Path, settings: Mapping[str, str]) -> None:
    # Seen whole or not at all; there may be passwords in it.
    draft = file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{name}={value}\n" for name, value in sorted(settings.items())))
    draft.replace(file)
