"""Which engines run, and where."""

import os
from collections.abc import Iterator
from pathlib import Path

from . import ports
from .engine import Engine
from .identity import Identity
from .launcher import ENGINES


def status_lines(*, var: Path) -> Iterator[str]:
    """Yield one line per engine: running with its address, stopped, or replaced by the user's own."""
    for kind in ENGINES:
        yield f"{kind.title:<11} {_state(kind(var=var.resolve(), durable=True))}"


def _state(engine: Engine) -> str:
    if os.environ.get(engine.variable):
        return f"replaced by {engine.variable}"
    process = Identity.read(file=engine.record)
    port = ports.remembered(file=engine.port_file)
    if process is None or port is None or not process.is_running():
        return "stopped"
    return f"running     {engine.url(port=port)}  (process {process.pid})"
