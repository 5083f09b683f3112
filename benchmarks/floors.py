"""What the machine can do at best: the product's statement by pgbench, and a trivial answer by the same server."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.placing import FIND, OFFERS, script
from benchmarks.shop import ROOT, Shop, end, free_port, send, wait_until_open
from nexus.embedded.postgres import Postgres

CLIENTS = 8
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
COPY = "floor"


def copy_orders(shop: Shop) -> None:
    """Copy the orders database for the floor. Nobody may be connected to it: stop the shop before."""
    source, target = f"{shop.name}_orders", f"{shop.name}_{COPY}"
    shop.sql("postgres", f"DROP DATABASE IF EXISTS {target}")
    shop.sql("postgres", f"CREATE DATABASE {target} TEMPLATE {source}")
    shop.sql(COPY, "CREATE SEQUENCE bench_number CACHE 50")
    shop.sql(COPY, OFFERS)


def pgbench_orders(shop: Shop, *, seconds: float) -> float:
    """
    Orders of two lines a second that PostgreSQL takes, each its own commit, from eight connections.

    :raises RuntimeError: it failed, or the orders are not there afterwards
    """
    count = "SELECT count(*) FROM orders_order"
    file = shop.var / "place.sql"
    file.write_text(script(shop.python("-c", FIND)))
    before = shop.sql(COPY, count)[0][0]
    program = Postgres(var=shop.var, durable=True).program().with_name("pgbench")
    words = [str(program), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1", "-T", str(max(1, round(seconds)))]
    done = subprocess.run(
        [*words, "-f", str(file), shop.database(COPY)], capture_output=True, text=True, timeout=600, check=False
    )
    found = _RATE.search(done.stdout)
    if done.returncode or not found:
        raise RuntimeError(f"pgbench failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    written, rate = shop.sql(COPY, count)[0][0] - before, float(found[1])
    if written < 0.8 * rate * round(seconds):
        raise RuntimeError(f"pgbench says {rate:.0f} orders a second, but {written} were written")
    return rate


@contextmanager
def trivial_server(folder: Path, *, workers: int) -> Iterator[int]:
    """A server of the same kind and size as the shop's web, with nothing behind it; its port."""
    port = free_port()
    place = ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    command = [sys.executable, "-m", "nexus.web.server", *place, "benchmarks.trivial:app"]
    with (folder / "trivial.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until_open(port, process, path="/")
        yield port
    finally:
        send(process, 15)
        end(process)
