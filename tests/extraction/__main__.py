"""``python -m tests.extraction --orders N``: inventory leaves and comes back; status 0 when every promise was kept."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nexus.embedded.throwaway import throwaway_engines
from tests.chaos.__main__ import NOBODY
from tests.extraction.controls import control
from tests.extraction.run import Plan, Result, run
from tests.extraction.sabotage import GUARDS
from tests.extraction.shop import leavable_shop


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    var = Path(os.environ.get("NEXUS_VAR") or "var").resolve() / "extraction"
    for name, address in NOBODY.items():
        os.environ.setdefault(name, address)
    with (
        throwaway_engines(parent=var, announce=lambda line: print(line, file=sys.stderr)) as addresses,
        tempfile.TemporaryDirectory(prefix="nexus-extraction-") as home,
    ):
        os.environ.update(addresses)
        result = _run(Path(home), options)
    print(*result.details, result.row, sep="\n")
    return 0 if result.passed else 1


def _run(home: Path, options: argparse.Namespace) -> Result:
    def say(line: str) -> None:
        print(line, flush=True)

    if options.without:
        return control(home, options.without, say=say)
    with leavable_shop(home) as shop:
        return run(shop, Plan(orders=options.orders, rate=options.rate), say=say)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.extraction", description="An app leaves a shop that sells.")
    parser.add_argument("--orders", type=int, default=2000, help="at least so many (default 2000)")
    parser.add_argument("--rate", type=float, default=40.0, help="customers a second (default 40)")
    parser.add_argument("--without", choices=sorted(GUARDS), help="take a guard away; the run must fail then")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
