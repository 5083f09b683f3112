"""
Measures the shop beside what the machine can do at best: ``make bench``, or ``python -m benchmarks --help``.

Needs RabbitMQ at NEXUS_BROKER_URL; everything else is started and ended here. Ends with status 1 when the shop did not
keep a promise.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.bench import Bench, Run, running_bench
from benchmarks.compare import compare
from benchmarks.door import measure_door
from benchmarks.flash import measure_flash
from benchmarks.growth import measure_growth
from benchmarks.history import wait_until_told
from benchmarks.options import USUAL, Options, read_options
from benchmarks.reading import READING
from benchmarks.report import faults, lines, machine, write
from benchmarks.scenarios import ORDERS
from benchmarks.soak import measure_soak

MEASURES = (
    ORDERS | READING | {"flash": measure_flash, "door": measure_door, "growth": measure_growth, "soak": measure_soak}
)
ENGINES = ("NEXUS_POSTGRES_URL", "NEXUS_MONGO_URL", "NEXUS_REDIS_URL")


def main() -> int:
    """Run what was asked for; the exit status."""
    options = read_options()
    for name in ENGINES:
        # Engines of our own, whatever the environment names: theirs may hold somebody's data.
        os.environ.pop(name, None)
    folder = Path(tempfile.mkdtemp(prefix="nexus-bench-"))
    folder.chmod(0o755)
    try:
        if options.compare:
            return compare(options, folder=folder)
        with running_bench(options, var=folder) as bench:
            return measure_all(bench, options)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure_all(bench: Bench, options: Options) -> int:
    """Each scenario, its report, and the check after it; 1 when a promise was broken."""
    about, found = machine(bench), {}
    for name in options.only:
        found[name] = run = measured(bench, name)
        write({name: run}, about=about, merge=len(found) > 1 or options.only != USUAL)
    return int(any(run["broken"] for run in found.values()))


def measured(bench: Bench, name: str) -> Run:
    """A scenario's figures, told at once, and under `broken` what the shop's own check finds wrong after it."""
    run = MEASURES[name](bench)
    print("\n".join(lines(name, run)), flush=True)
    wait_until_told(bench.shop)
    run["broken"] = bench.shop.findings()
    if name == "flash" and not run["flash_exact"]:
        run["broken"] += [{"name": "exactly the stock is sold", "count": 1, "offender": "the flash sale"}]
    if run.get("improper"):
        run["broken"] += [{"name": "refusals say when to come again", "count": run["improper"], "offender": "overload"}]
    print("\n".join(faults(run)), flush=True)
    return run


if __name__ == "__main__":
    sys.exit(main())
