"""``python -m tests.clusters postgres``: one drill or all, with a timeline and a row each; status 0 when all passed."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from nexus.embedded.errors import EmbeddedError
from nexus.embedded.throwaway import throwaway_engines
from tests.chaos.__main__ import NOBODY
from tests.clusters import mongodb, postgres, processes, rabbitmq
from tests.clusters.drill import Drill
from tests.clusters.result import DrillResult
from tests.clusters.run import Plan, carry_out

DRILLS: dict[str, Callable[..., AbstractContextManager[Drill]]] = {
    "processes": processes.drill,
    "rabbitmq": rabbitmq.drill,
    "postgres": postgres.drill,
    "mongodb": mongodb.drill,
}
GUARDS = {"rabbitmq": "members", "postgres": "synchronous", "mongodb": "majority"}


def run(name: str, plan: Plan, *, without: str = "") -> DrillResult:
    """A drill from nothing to its result; what it started is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="nexus-clusters-") as folder:
        # Postgres runs as somebody else, who has to get in.
        Path(folder).chmod(0o711)
        home = Path(folder, "shop")
        home.mkdir()
        with DRILLS[name](home, without=without) as drill:
            return carry_out(drill, plan, say=lambda line: print(line, flush=True))


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    names = list(DRILLS) if options.drill == "all" else [options.drill]
    var = Path(os.environ.get("NEXUS_VAR") or "var").resolve() / "clusters"
    for name, address in NOBODY.items():
        os.environ.setdefault(name, address)
    plan = Plan(orders=options.orders, rate=options.rate, converge_within=15 if options.without else 60)
    try:
        with throwaway_engines(parent=var, announce=lambda line: print(line, file=sys.stderr)) as addresses:
            os.environ.update(addresses)
            results = [run(name, plan, without=GUARDS[name] if options.without else "") for name in names]
    except EmbeddedError as error:
        print(f"clusters: {error}", file=sys.stderr)
        return 2
    for result in results:
        print(*result.details, result.row, sep="\n")
    return 0 if all(result.passed for result in results) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.clusters", description="Engines of several nodes.")
    parser.add_argument("drill", choices=[*DRILLS, "all"])
    parser.add_argument("--orders", type=int, default=900)
    parser.add_argument("--rate", type=float, default=30.0, help="orders a second (default 30)")
    parser.add_argument(
        "--without", action="store_true", help="do without what keeps the promise there; the run must fail then"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
