"""
Runs the processes of a shape: ``python -m nexus.embedded.supervised monolith 8080``.

With ``-- COMMAND`` only those that carry events run, for as long as the command does. When the shop's settings change
(`changes`) all are started anew, beside the old ones until the door is open.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import psycopg

from . import changes, ports
from .run import answers_at
from .shapes import APPS, Shape, apart, monolith, services
from .supervisor import Supervisor


def shape_named(name: str, *, port: int, var: Path, app: str = "") -> Shape:
    """The shape; the services' ports are those of the last time, where they are free."""
    if name == "apart":
        return apart(app, port=port, shop_port=int(os.environ.get("NEXUS_PORT") or 8080))
    if name == "monolith":
        named = os.environ.get("NEXUS_SERVICES", "").split(",")
        return monolith(port=port, gone={pair.partition("=")[0].strip() for pair in named})
    folder = var / "ports"
    folder.mkdir(parents=True, exist_ok=True)
    return services(port=port, ports={app: ports.choose(file=folder / app) for app in APPS})


def port_of(app: str, *, var: Path) -> int:
    """Where the app's web process serves, in the shape of services; 0 when it never has."""
    return ports.remembered(file=var / "ports" / app) or 0


def main(words: Sequence[str]) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m nexus.embedded.supervised", description=__doc__)
    parser.add_argument("shape", choices=["monolith", "services", "apart"])
    parser.add_argument("port", type=int)
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="runs beside those that carry events; after --")
    parser.add_argument("--app", choices=APPS, default="", help="the one that is apart")
    options = parser.parse_args(words)
    var, given = Path(os.environ.get("NEXUS_VAR") or "var"), dict(os.environ)

    def shape_now() -> Shape:
        os.environ.clear()
        os.environ.update(given | ({} if options.app else changes.wanted(var=var)))
        return shape_named(options.shape, port=options.port, var=var, app=options.app)

    supervisor = Supervisor(sys.stdout)
    supervisor.stop_on_signals()
    try:
        if options.app:
            _run_apart(supervisor, shape_now())
            return 0
        changes.tell_bus(var=var)
        if options.command:
            supervisor.start(shape_now().carriers)
            return supervisor.run_beside(options.command)
        _run_shop(supervisor, shape_now, var=var)
        return 0
    finally:
        supervisor.stop()
        if not options.app:
            changes.forget_bus(var=var)


def supervise(shape: Shape) -> int:
    """Run the shape as it is until a signal comes; the exit status."""
    supervisor = Supervisor(sys.stdout)
    supervisor.stop_on_signals()
    try:
        _open(supervisor, shape)
        supervisor.watch()
        return 0
    finally:
        supervisor.stop()


def _open(supervisor: Supervisor, shape: Shape) -> None:
    supervisor.start(shape.carriers)
    *behind, front = shape.doors
    supervisor.start(behind)
    # The customers' door opens when there is somebody behind it.
    supervisor.watch(until=lambda: all(answers_at(part.port) for part in behind))
    supervisor.start([front])


def _run_shop(supervisor: Supervisor, shape_now: Callable[[], Shape], *, var: Path) -> None:
    """Until a signal comes; with the settings that are wanted, whenever they change."""
    held = changes.wanted(var=var)
    _open(supervisor, shape_now())
    while not supervisor.is_stopping:
        changes.tell_in_force(held, var=var)
        supervisor.watch(until=partial(_is_other, held, var))
        if not supervisor.is_stopping:
            new, shape = changes.wanted(var=var), shape_now()
            # Settings that no process can start with are put right by others.
            if supervisor.renew([*shape.carriers, *shape.doors], unless=partial(_is_other, new, var)):
                held = new


def _is_other(held: Mapping[str, str], var: Path) -> bool:
    return changes.wanted(var=var) != held


def _run_apart(supervisor: Supervisor, shape: Shape) -> None:
    """Until a signal comes; the door at once, the rest when the database lets it in."""
    supervisor.start(shape.doors)
    supervisor.watch(until=lambda: not shape.database or _lets_in(shape.database))
    supervisor.start(shape.carriers)
    supervisor.watch()


def _lets_in(database: str) -> bool:
    try:
        psycopg.connect(database, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
