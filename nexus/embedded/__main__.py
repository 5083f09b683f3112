"""The command line: ``run``, ``backup``, ``restore``, ``beside``, ``exec`` and ``status``."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from .backup import back_up
from .broker import broker
from .errors import EmbeddedError
from .foreground import run_in_foreground
from .interrupts import Terminated
from .launcher import engines
from .progress import Progress
from .restoration import restore
from .run import STEPS, Shop, demo_environment, server_command
from .status import running_engines, status_lines
from .supervisor import port_of
from .throwaway import throwaway_engines

SHAPES = ("embedded", "monolith", "services")


def main(*, arguments: Sequence[str]) -> int:
    """Do what the command line says and return the exit status."""
    options = _parser().parse_args(arguments)
    var: Path = options.var.resolve()
    try:
        if options.action == "status":
            print(*status_lines(var=var), sep="\n")
            return 0
        if options.action == "run":
            return _run(var, options.shape)
        if options.action == "backup":
            back_up(var=var, to=options.to.resolve(), progress=Progress(stream=sys.stdout))
            return 0
        if options.action == "restore":
            return restore(var=var, source=options.source.resolve(), progress=Progress(stream=sys.stdout))
        if options.action == "beside":
            return run_in_foreground(
                command=options.command, environment=demo_environment(running_engines(var=var), var)
            )
        return _exec(var, options.throwaway, options.command)
    except EmbeddedError as error:
        print(f"nexus: {error}", file=sys.stderr)
        return 1
    except Terminated as signal_:
        return 128 + signal_.signum
    except KeyboardInterrupt:
        return 130


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
    actions.add_parser("status", parents=[shared], help="one line per engine")
    exec_ = actions.add_parser("exec", parents=[shared], help="run a command with the engines behind it")
    exec_.add_argument("--throwaway", action="store_true", help="start empty, in VAR/throwaway, and keep nothing")
    exec_.add_argument("command", nargs="+", metavar="COMMAND", help="the command, after --")
    return parser


def _run(var: Path, shape: str) -> int:
    port = _port()
    progress = Progress(stream=sys.stdout)
    if shape == "embedded":
        return Shop(var=var, port=port, progress=progress, steps=STEPS, server=server_command(port=port)).run()
    supervised = [sys.executable, "-m", "nexus.embedded.supervisor", shape, str(port)]
    prepare, fill = STEPS
    steps = (
        replace(prepare, command=[*prepare.command, "--roles"]),
        replace(fill, command=[*supervised, "--", *fill.command]),
    )
    shop = Shop(var=var, port=port, progress=progress, steps=steps, server=supervised, broker=broker)
    return (replace(shop, staff_port=partial(port_of, "accounts", var=var)) if shape == "services" else shop).run()


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
