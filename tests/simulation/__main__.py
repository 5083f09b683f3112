"""
``python -m tests.simulation SEED [--trace]`` plays one life; ``--seeds N [--base B] [--processes P]`` plays N of them.

Engines and databases are made for the run and gone afterwards. The exit status is 1 when a promise was broken.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from nexus.embedded.throwaway import throwaway_engines

ROOT = Path(__file__).resolve().parents[2]
NOBODY = {"NEXUS_MONGO_URL": "mongodb://127.0.0.1:1/nobody", "NEXUS_REDIS_URL": "redis://127.0.0.1:1/0"}
"""Lives need Postgres only: what names an engine already is not started."""
REPLAY = "python -m tests.simulation {seed} --trace"


def main(*, arguments: Sequence[str]) -> int:
    """Do what the command line says and return the exit status."""
    options = _parser().parse_args(arguments)
    seeds = _seeds(options)
    for name, address in NOBODY.items():
        os.environ.setdefault(name, address)
    with throwaway_engines(parent=ROOT / "var" / "simulation", announce=lambda _: None) as addresses:
        os.environ.update(addresses)
        if options.processes > 1:
            return _play_side_by_side(arguments, options.processes)
        with databases("orders", "inventory"):
            return _play(seeds, trace=options.trace)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Play lives of the shop.")
    parser.add_argument("seed", type=int, nargs="?", default=0, help="the one life to play")
    parser.add_argument("--trace", action="store_true", help="tell what happened, step by step")
    parser.add_argument("--seeds", type=int, default=0, metavar="N", help="play N lives instead of one")
    parser.add_argument("--base", type=int, default=0, metavar="B", help="the first of the N seeds (default: 0)")
    parser.add_argument("--fixed", type=int, default=0, metavar="F", help="of the N, let F be the seeds from 0 on")
    parser.add_argument("--processes", type=int, default=1, metavar="P", help="share them among P processes")
    parser.add_argument("--share", type=int, nargs=2, default=(0, 1), help=argparse.SUPPRESS)
    return parser


def _seeds(options: argparse.Namespace) -> Sequence[int]:
    if not options.seeds:
        return [options.seed]
    number, processes = options.share
    drawn = range(options.base, options.base + options.seeds - options.fixed)
    return [*range(options.fixed), *drawn][number::processes]


def _play(seeds: Sequence[int], *, trace: bool) -> int:
    from tests.simulation.life import play

    began, broken, happened = time.monotonic(), 0, Counter[str]()
    for life in play(seeds):
        happened += life.happened
        broken += bool(life.broken)
        if trace:
            print(life.story())
        if life.broken:
            print(f"seed {life.seed} {life.broken}\n  replay it: {REPLAY.format(seed=life.seed)}", flush=True)
    print(f"{len(seeds)} seeds, {seeds[0]} to {seeds[-1]}: {broken} broken, {time.monotonic() - began:.1f} s")
    if not trace:
        print(*(f"{count:9} × {what}" for what, count in happened.most_common()), sep="\n", flush=True)
    return 1 if broken else 0


def _play_side_by_side(arguments: Sequence[str], processes: int) -> int:
    """Each process plays a share of the seeds, on databases of its own."""
    running = []
    server = urlsplit(os.environ["NEXUS_POSTGRES_URL"])
    for number in range(processes):
        share = ["--processes", "1", "--share", str(number), str(processes)]
        own = {"NEXUS_POSTGRES_URL": server._replace(path=f"{server.path}_{number}").geturl()}
        command = [sys.executable, "-m", "tests.simulation", *arguments, *share]
        running.append(subprocess.Popen(command, cwd=ROOT, env=os.environ | own))
    try:
        return max(process.wait() for process in running)
    finally:
        for process in running:
            process.kill()


@contextmanager
def databases(*aliases: str) -> Iterator[None]:
    """Empty databases with all their tables."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "nexus.settings.test"
    import django
    from django.test.utils import setup_databases, teardown_databases

    django.setup()
    made = setup_databases(verbosity=0, interactive=False, aliases=set(aliases))
    try:
        yield
    finally:
        teardown_databases(made, verbosity=0)


if __name__ == "__main__":
    sys.exit(main(arguments=sys.argv[1:]))
