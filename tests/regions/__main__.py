"""``python -m tests.regions``: two shops, their links cut and healed; one row, exit status 0 when they agree."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from nexus.embedded.errors import EmbeddedError
from nexus.embedded.throwaway import throwaway_engines
from tests.chaos.__main__ import NOBODY
from tests.rabbitmq import private_rabbitmq
from tests.regions.brokers import divide
from tests.regions.run import Plan, Result, run
from tests.regions.shops import keep, two_shops


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.regions", description="Two regions and their links.")
    parser.add_argument("--seed", type=int, default=1, help="what is bought and cut is a function of it (default 1)")
    parser.add_argument("--orders", type=int, default=600, help="in each region")
    parser.add_argument("--cuts", type=int, default=12)
    options = parser.parse_args(arguments)
    try:
        result = _run(Plan(seed=options.seed, orders=options.orders, cuts=options.cuts))
    except EmbeddedError as error:
        print(f"regions: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(*result.broken, result.row, sep="\n")
    return 1 if result.broken else 0


def _run(plan: Plan) -> Result:
    """With engines and a broker that are gone afterwards."""
    var = Path(os.environ.get("NEXUS_VAR") or "var").resolve() / "regions"
    for name, address in NOBODY.items():
        os.environ.setdefault(name, address)
    with (
        throwaway_engines(parent=var, announce=lambda line: print(line, file=sys.stderr)) as addresses,
        private_rabbitmq() as broker,
        tempfile.TemporaryDirectory(prefix="nexus-regions-") as folder,
    ):
        os.environ.update(addresses)
        home, began = Path(folder), time.monotonic()
        divide(broker, home)
        with two_shops(home, broker=broker) as shops:
            print(f"two shops are open after {time.monotonic() - began:.1f} s", flush=True)
            result = run(shops, plan, home=home, say=lambda line: print(line, flush=True))
            if result.broken:
                kept = Path(tempfile.mkdtemp(prefix="nexus-regions-failed-"))
                keep(shops, kept)
                print(f"logs are in {kept}")
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
