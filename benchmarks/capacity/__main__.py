"""
``python -m benchmarks.capacity --orders-a-minute 10000`` says what that needs.

``--document`` renews the tables in docs/scale.md, ``--check`` only says whether they are stale.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.capacity.model import Costs, carried, need, read_costs, walls
from benchmarks.capacity.tables import manifests_of, table_of, walls_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scale.md"
RATES = (100, 10_000, 1_000_000)


def page(text: str, costs: Costs) -> str:
    """The page with its tables made again; each stands between two comments with its name."""
    parts = {
        "needs": table_of([need(costs, rate) for rate in RATES]),
        "walls": walls_of(walls(costs)),
        "manifests": manifests_of(carried(costs)),
    }
    for name, rows in parts.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"{PAGE.name} has no place for {name}")
        text = before + begin + "\n".join(rows) + f"\n{end}{after}"
    return text


def main(words: Sequence[str] | None = None) -> int:
    """The exit status: 1 when the page is stale and was only to be checked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description="What a rate of orders needs.")
    parser.add_argument("--orders-a-minute", type=int, default=10_000)
    parser.add_argument("--document", action="store_true", help="renew the tables in docs/scale.md")
    parser.add_argument("--check", action="store_true", help="only say whether they are stale")
    options = parser.parse_args(words)
    costs = read_costs()
    if not (options.document or options.check):
        print(*table_of([need(costs, options.orders_a_minute)]), "", *walls_of(walls(costs)), sep="\n")
        return 0
    old = PAGE.read_text()
    if (new := page(old, costs)) == old:
        return 0
    if options.check:
        print(f"{PAGE.name} is stale: run `make docs`")
        return 1
    PAGE.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
