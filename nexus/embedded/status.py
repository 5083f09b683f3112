"""Which engines run, and where; for people, and for whoever wants to use them too."""

import os
from collections.abc import Iterator
from pathlib import Path

from . import ports
from .engine import Engine
from .errors import EmbeddedError
from .identity import Identity
from .launcher import ENGINES


def status_lines(*, var: Path) -> Iterator[str]:
    """Yield one line per engine: running with its address, stopped, or replaced by the user's own."""
    for kind in ENGINES:
        yield f"{kind.title:<11} {_state(kind(var=var.resolve(), durable=True))}"


def running_engines(*, var: Path) -> dict[str, str]:
    """
    The addresses of the engines that another process runs in `var`, by environment variable; without those that the
    environment names itself.

    :raises EmbeddedError: one does not run
    """
    addresses: dict[str, str] = {}
    for engine in (kind(var=var.resolve(), durable=True) for kind in ENGINES):
        if os.environ.get(engine.variable):
            continue
        found = _find(engine)
        if found is None:
            raise EmbeddedError(f"{engine.title} does not run in {var}; `make run` starts the shop there.")
        addresses[engine.variable] = found[0]
    return addresses


def _state(engine: Engine) -> str:
    if os.environ.get(engine.variable):
        return f"replaced by {engine.variable}"
    found = _find(engine)
    return f"running     {found[0]}  (process {found[1]})" if found else "stopped"


def _find(engine: Engine) -> tuple[str, int] | None:
    """Its address and its process."""
    process = Identity.read(file=engine.record)
    port = ports.remembered(file=engine.port_file)
    if process is None or port is None or not process.is_running():
        return None
    return engine.url(port=port), process.pid
