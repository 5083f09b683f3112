"""
What an order makes PostgreSQL and the bus write, at several rates: ``python -m benchmarks.writes``.

Orders that come close together share commits, syncs and messages, so an order costs less the more of them there are.
Writes benchmarks/results/writes.json, which the model of capacity reads (benchmarks/capacity.py).
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.__main__ import ENGINES
from benchmarks.bench import Bench, running_bench
from benchmarks.options import read_options
from benchmarks.report import machine
from benchmarks.scenarios import SETTLE_CONNECTIONS, settled

RESULTS = Path(__file__).with_name("results") / "writes.json"
RATES = (2, 30, 170, 500)
"""Orders a second: about a hundred, two thousand and ten thousand a minute, and as many as leave the machine room."""
SECONDS = 20.0
WRITTEN = """
SELECT (SELECT wal_bytes FROM pg_stat_wal)::float8,
       (SELECT wal_fpi FROM pg_stat_wal)::float8,
       (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal')::float8,
       (SELECT sum(writes) FROM pg_stat_io WHERE object = 'wal')::float8,
       (SELECT sum(xact_commit) FROM pg_stat_database)::float8
"""
NAMES = ("wal_bytes", "full_page_images", "wal_syncs", "wal_writes", "commits")


def measure(bench: Bench, *, rate: float) -> dict[str, float]:
    """Figures by name, each for one order; full page images come with the first change of a page after a checkpoint."""
    bench.shop.sql("postgres", "CHECKPOINT")
    before = _written(bench)
    plan = bench.plan(bench.orders(), rate=rate, connections=SETTLE_CONNECTIONS, seconds=SECONDS)
    run = settled(bench, plan)
    orders = run["confirmed_count"]
    after = _written(bench)
    each = {name: round((after[name] - before[name]) / orders, 3) for name in NAMES}
    return {"rate": rate, "orders": orders} | each | {f"cpu_us {name}": cost for name, cost in run["cpu_us"].items()}


def measure_hot(bench: Bench) -> dict[str, float]:
    """Everybody wants the same sku: orders a second as fast as they are taken, beside orders of all skus."""
    hot = settled(bench, bench.plan(bench.orders(skus=bench.skus[:1], lines=1)))
    cold = settled(bench, bench.plan(bench.orders()))
    return {"hot": round(hot["confirmed"], 1), "all": round(cold["confirmed"], 1)}


def _written(bench: Bench) -> dict[str, float]:
    # A session tells what it has done when it has been idle for a moment; this one waits for none.
    bench.shop.sql("postgres", "SELECT pg_stat_force_next_flush(), pg_sleep(2)")
    [row] = bench.shop.sql("postgres", WRITTEN)
    return dict(zip(NAMES, row, strict=True))


def main() -> int:
    """Measure each rate, print and write what was found."""
    for name in ENGINES:
        # Engines of our own, whatever the environment names.
        os.environ.pop(name, None)
    folder = Path(tempfile.mkdtemp(prefix="nexus-writes-"))
    folder.chmod(0o755)
    try:
        with running_bench(read_options([]), var=folder) as bench:
            runs: list[dict[str, Any]] = []
            for rate in RATES:
                runs.append(measure(bench, rate=rate))
                print(json.dumps(runs[-1]), flush=True)
            confirmed, broken = measure_hot(bench), bench.shop.findings()
            print(json.dumps(confirmed), flush=True)
            found = {"about": machine(bench), "runs": runs, "confirmed_a_second": confirmed, "broken": broken}
            RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
