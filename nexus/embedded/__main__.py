"""
The command line: ``run``, ``backup``, ``restore``, ``beside``, ``set``, ``apart``, ``postgres``, ``exec``, ``status``.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from . import changes
from .backup import back_up
from .broker import broker
from .errors import EmbeddedError
from .foreground import run_in_foreground
from .interrupts import Terminated
from .launcher import engines
from .postgres import Postgres
from .progress import Progress
from .restoration import restore
from .run import STEPS, Shop, demo_environment, server_command
from .shapes import APPS
from .status import running_engines, status_lines
from .supervised import port_of
from .throwaway import throwaway_engines

SHAPES = ("embedded", "monolith", "services")


def main(*, arguments: Sequence[str]) -> int:
    """Do what the command line says and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _do(options, options.var.resolve())
    except EmbeddedError as error:
        print(f"nexus: {error}", file=sys.stderr)
        return 1
    except Terminated as signal_:
        return 128 + signal_.signum
    except KeyboardInterrupt:
        return 130


def _do(options: argparse.Namespace, var: Path) -> int:
    actions: dict[str, Callable[[], int]] = {
        "run": lambda: _run(var, options.shape),
        "backup": lambda: _backup(var, options.to.resolve()),
        "restore": lambda: restore(var=var, source=options.source.resolve(), progress=Progress(stream=sys.stdout)),
        "beside": lambda: _beside(var, options.command),
        "set": lambda: _set(var, dict(options.settings)),
        "apart": lambda: _apart(var, options.app, options.port),
        "postgres": lambda: _postgres(var),
        "status": lambda: _status(var),
        "exec": lambda: _exec(var, options.throwaway, options.command),
    }
    return actions[options.action]()


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    default = Path(os.environ.get("NEXUS_VAR") or "var")
    shared.add_argument("--var", type=Path, default=default, help="where data is kept (default: $NEXUS_VAR or ./var)")
    parser = argparse.ArgumentParser(prog="python -m nexus.embedded", description="Real engines without Docker.")
    actions = parser.add_subparsers(dest="action", required=True)
    run = actions.add_parser("run", parents=[shared], help="open the demo shop on $NEXUS_PORT (default: 8080)")
    run.add_argument("--shape", choices=SHAPES, default="embedded", help="in how many processes (default: one)")
    backup = actions.add_parser("backup", parents=[shared], help="copy the demo shop that runs into a folder")
    backup.add_argument("to", type=Path, metavar="TO", help="the folder, which is made")
    restore_ = actions.add_parser("restore", parents=[shared], help="make a demo shop of such a folder")
    restore_.add_argument("source", type=Path, metavar="FROM", help="the folder")
    beside = actions.add_parser("beside", parents=[shared], help="run a command in the demo shop that runs")
    beside.add_argument("command", nargs="+", metavar="COMMAND", help="the command, after --")
    set_ = actions.add_parser("set", parents=[shared], help="change settings of the shop that runs: NAME=VALUE")
    set_.add_argument("settings", nargs="+", type=_setting, metavar="NAME=VALUE", help="without a value: no more")
    apart = actions.add_parser("apart", parents=[shared], help="run one app's own processes beside the shop that runs")
    apart.add_argument("app", choices=APPS)
    apart.add_argument("port", type=int, help="where its web process serves; others reach it by that")
    actions.add_parser("postgres", parents=[shared], help="run a PostgreSQL of its own in VAR, and say where")
    actions.add_parser("status", parents=[shared], help="one line per engine")
    exec_ = actions.add_parser("exec", parents=[shared], help="run a command with the engines behind it")
    exec_.add_argument("--throwaway", action="store_true", help="start empty, in VAR/throwaway, and keep nothing")
    exec_.add_argument("command", nargs="+", metavar="COMMAND", help="the command, after --")
    return parser


def _run(var: Path, shape: str) -> int:
    port = _port()
    changes.forget_bus(var=var)  # left by one that was killed
    changed, progress = changes.wanted(var=var), Progress(stream=sys.stdout)
    if shape == "embedded":
        if changed:
            file, names = var / changes.WANTED, ", ".join(sorted(changed))
            raise EmbeddedError(f"{file} sets {names} for a shop of several processes: make run SHAPE=monolith")
        return Shop(var=var, port=port, progress=progress, steps=STEPS, server=server_command(port=port)).run()
    supervised = [sys.executable, "-m", "nexus.embedded.supervised", shape, str(port)]
    prepare, fill = STEPS
    steps = (
        replace(prepare, command=[*prepare.command, "--roles"]),
        replace(fill, command=[*supervised, "--", *fill.command]),
    )
    shop = Shop(var=var, port=port, progress=progress, steps=steps, server=supervised, broker=broker, changed=changed)
    return (replace(shop, staff_port=partial(port_of, "accounts", var=var)) if shape == "services" else shop).run()


def _backup(var: Path, to: Path) -> int:
    back_up(var=var, to=to, progress=Progress(stream=sys.stdout))
    return 0


def _beside(var: Path, command: Sequence[str]) -> int:
    """With what the shop's processes have; what the caller names wins."""
    found = changes.bus(var=var) | changes.wanted(var=var) | running_engines(var=var)
    unnamed = {name: value for name, value in found.items() if name not in os.environ}
    return run_in_foreground(command=command, environment=demo_environment(unnamed, var))


def _set(var: Path, settings: Mapping[str, str]) -> int:
    changes.change(settings, var=var)
    return 0


def _apart(var: Path, app: str, port: int) -> int:
    return _beside(var, [sys.executable, "-m", "nexus.embedded.supervised", "apart", str(port), "--app", app])


def _status(var: Path) -> int:
    print(*status_lines(var=var), sep="\n")
    return 0


def _postgres(var: Path) -> int:
    # Where the shop has its data is what this one is apart from.
    os.environ.pop(Postgres.variable, None)
    with engines(var=var, announce=lambda _: None, kinds=[Postgres]) as addresses:
        print(addresses[Postgres.variable], flush=True)
        while True:
            signal.pause()


def _setting(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not name.startswith("NEXUS_") or not equals:
        raise argparse.ArgumentTypeError(f"{pair} is not NAME=VALUE with a name that begins with NEXUS_")
    return name, value


def _exec(var: Path, throwaway: bool, command: Sequence[str]) -> int:
    announce = Progress(stream=sys.stderr).line
    if throwaway:
        started = throwaway_engines(parent=var / "throwaway", announce=announce)
    else:
        started = engines(var=var, announce=announce)
    with started as addresses:
        return run_in_foreground(command=command, environment=addresses)


def _port() -> int:
    wish = os.environ.get("NEXUS_PORT") or "8080"
    if not wish.isdecimal() or not 0 < int(wish) < 65536:
        raise EmbeddedError(f"NEXUS_PORT is {wish!r}; set it to a number from 1 to 65535.")
    return int(wish)


if __name__ == "__main__":
    sys.exit(main(arguments=sys.argv[1:]))
