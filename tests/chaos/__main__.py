"""``python -m tests.chaos --seed N``: one run, one row, exit status 0 when every promise was kept."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nexus.embedded.errors import EmbeddedError
from nexus.embedded.throwaway import throwaway_engines
from tests.chaos.controls import SCENARIOS, control
from tests.chaos.nemesis import schedule
from tests.chaos.result import Result
from tests.chaos.run import Plan, run
from tests.chaos.shop import Shop, running_shop
from tests.rabbitmq import private_rabbitmq

NOBODY = {"NEXUS_MONGO_URL": "mongodb://127.0.0.1:1/nobody", "NEXUS_REDIS_URL": "redis://127.0.0.1:1/0"}
"""The shop starts its own, to kill them: what names an engine already is not started once more."""


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        with shop_of_its_own() as shop:
            result = _run(shop, options)
            if not result.passed:
                _keep(shop)
    except EmbeddedError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(*result.details, result.row, sep="\n")
    return 0 if result.passed else 1


@contextmanager
def shop_of_its_own() -> Iterator[Shop]:
    """A shop outside any test run, with a Postgres that is gone afterwards too."""
    var = Path(os.environ.get("NEXUS_VAR") or "var").resolve() / "chaos"
    for name, address in NOBODY.items():
        os.environ.setdefault(name, address)
    with (
        throwaway_engines(parent=var, announce=lambda line: print(line, file=sys.stderr)) as addresses,
        private_rabbitmq() as broker,
        tempfile.TemporaryDirectory(prefix="nexus-chaos-") as home,
    ):
        os.environ.update(addresses)
        with running_shop(Path(home), broker=broker) as shop:
            yield shop


def _run(shop: Shop, options: argparse.Namespace) -> Result:
    if options.without:
        return control(shop, options.without)
    plan = Plan(seed=options.seed, orders=options.orders, faults=options.faults)
    print(f"seed {plan.seed}: {', '.join(map(str, schedule(plan.seed, plan.faults)))}", flush=True)
    return run(shop, plan, say=lambda line: print(line, flush=True))


def _keep(shop: Shop) -> None:
    """The logs and the history of a run that failed, for people to read."""
    kept = Path(tempfile.mkdtemp(prefix="nexus-chaos-failed-"))
    for file in (*shop.home.glob("*.log"), shop.home / "history.jsonl"):
        if file.exists():
            (kept / file.name).write_bytes(file.read_bytes())
    print(f"logs and history are in {kept}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="The shop under fire.")
    parser.add_argument("--seed", type=int, default=1, help="what happens is a function of it (default 1)")
    parser.add_argument("--orders", type=int, default=3000)
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--without", choices=sorted(SCENARIOS), help="take a guard away; the run must fail then")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
