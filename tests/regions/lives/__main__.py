"""
``python -m tests.regions.lives SEED [--trace]`` plays one life of two regions; ``--seeds N [--base B]`` plays N.

Engines and databases are made for the run and gone afterwards. The exit status is 1 when a promise was broken.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence

from nexus.embedded.throwaway import throwaway_engines
from tests.simulation.__main__ import NOBODY, ROOT, databases


def main(*, arguments: Sequence[str]) -> int:
    """Do what the command line says and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.regions.lives", description="Play lives of two regions.")
    parser.add_argument("seed", type=int, nargs="?", default=0, help="the one life to play")
    parser.add_argument("--trace", action="store_true", help="tell what happened, step by step")
    parser.add_argument("--seeds", type=int, default=0, metavar="N", help="play N lives instead of one")
    parser.add_argument("--base", type=int, default=0, metavar="B", help="the first of the N seeds (default: 0)")
    options = parser.parse_args(arguments)
    seeds = range(options.base, options.base + options.seeds) if options.seeds else [options.seed]
    for name, address in NOBODY.items():
        os.environ.setdefault(name, address)
    with throwaway_engines(parent=ROOT / "var" / "regions", announce=lambda _: None) as addresses:
        os.environ.update(addresses)
        with databases("inventory"):
            return _play(seeds, trace=options.trace)


def _play(seeds: Sequence[int], *, trace: bool) -> int:
    from tests.regions.lives.play import play

    began, broken, happened = time.monotonic(), 0, Counter[str]()
    for life in play(seeds):
        happened += life.happened
        broken += bool(life.broken)
        if trace:
            print(life.story())
        if life.broken:
            print(f"seed {life.seed} {life.broken}\n  replay it: python -m tests.regions.lives {life.seed} --trace")
    if not trace:
        print(*(f"{count:9} × {what}" for what, count in happened.most_common()), sep="\n")
    print(f"regions: {len(seeds)} lives from {seeds[0]}: {broken} broken, {time.monotonic() - began:.1f} s", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(arguments=sys.argv[1:]))
