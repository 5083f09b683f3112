"""
How long an event takes from commit to handler, what an idle relay costs, and how many events a second are published
and handled by batch size. Run by ``make bench-bus``, on engines of its own; RabbitMQ at NEXUS_BROKER_URL.

Latency is from the moment the commit returned to the moment the handler was called, each in a process of its own.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.bus.settings"
os.environ.setdefault("NEXUS_DEMO", "1")
os.environ["NEXUS_BUS_NAMESPACE"] = f"bench-{os.getpid()}"

import django

django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from kombu import Connection

from benchmarks.bus import ticks
from nexus.eventbus.backends.celery.publisher import Publisher
from nexus.eventbus.delivery import deliver
from nexus.eventbus.registry import members
from nexus.eventbus.wire import Record, encode

RESULTS = Path(__file__).parents[1] / "results" / "bus.json"
EVENTS, EVERY, IDLE, BULK = 300, 1 / 60, 10.0, 20_000
TICK = os.sysconf("SC_CLK_TCK")


def main() -> None:
    found: dict[str, Any] = {}
    for name in ("inprocess", "celery"):
        os.environ["NEXUS_EVENT_BUS"] = name
        settings.EVENT_BUS["BACKEND"] = f"nexus.eventbus.backends.{name}"
        call_command("prepare", verbosity=0, stdout=open(os.devnull, "w"))
        with connections[ticks.DATABASE].cursor() as cursor:
            cursor.execute(ticks.TABLE)
        with carrying(name) as relay:
            found[name] = latencies() | idle_cost(relay)
        print(name, json.dumps(found[name]), flush=True)
    found["rates"] = rates()
    for size, rate in found["rates"].items():
        print(f"batches of {size:>3}: {rate['published']:>7,.0f} published/s {rate['handled']:>7,.0f} handled/s")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    forget_queues()


@contextmanager
def carrying(name: str) -> Iterator[int]:
    """The bus at work in processes of its own; the pid of the one that relays."""
    if name == "inprocess":
        commands = [[sys.executable, "-m", "benchmarks.bus.carry"]]
    else:
        commands = [[sys.executable, "manage.py", "relay"], [sys.executable, "manage.py", "worker", "ticks"]]
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    try:
        heard(ticks.tell())
        yield processes[0].pid
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)


def latencies() -> dict[str, float]:
    """One event after the other, not faster than they are handled; milliseconds."""
    committed = {}
    for _ in range(EVENTS):
        [tick] = ticks.tell()
        committed[tick] = time.time()
        time.sleep(EVERY)
    found = heard(list(committed))
    taken = sorted((found[tick] - at) * 1000 for tick, at in committed.items())
    cuts = statistics.quantiles(taken, n=100)
    return {"p50_ms": round(cuts[49], 2), "p95_ms": round(cuts[94], 2), "p99_ms": round(cuts[98], 2)}


def idle_cost(pid: int) -> dict[str, float]:
    """CPU of the relaying process while nothing happens, in percent of one core."""
    time.sleep(2)
    before = cpu_seconds(pid)
    time.sleep(IDLE)
    return {"idle_cpu_percent": round(100 * (cpu_seconds(pid) - before) / IDLE, 2)}


def rates() -> dict[int, dict[str, float]]:
    """Events a second through RabbitMQ with confirms, and through inbox and handler, by batch size."""
    member = members["ticks"]
    found = {}
    for size in (1, 10, 100, 500):
        count = min(BULK, size * 400)
        told = told_in_bulk(count)
        batches = [told[start : start + size] for start in range(0, count, size)]
        publish = Publisher()
        publish(batches[0])
        began = time.perf_counter()
        for batch in batches:
            publish(batch)
        published = time.perf_counter() - began
        messages = [encode(batch) for batch in batches]
        began = time.perf_counter()
        for message in messages:
            deliver(member=member, message=message)
        found[size] = {"published": count / published, "handled": count / (time.perf_counter() - began)}
        publish.close()
    return found


def told_in_bulk(count: int) -> list[Record]:
    """That many fresh events of the log, which no relay is following at the moment."""
    newest = ticks.store.cursors()
    wanted = {str(tick) for start in range(0, count, 1000) for tick in ticks.tell(min(1000, count - start))}
    pages = ticks.store.history([ticks.Ticked.type], after=newest[-1][1], size=5000)
    return [record for page in pages for record in page.records if record.subject in wanted]


def heard(wanted: list[Any]) -> dict[Any, float]:
    """When each of them was heard, waiting for it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with connections[ticks.DATABASE].cursor() as cursor:
            cursor.execute("SELECT id, heard_at FROM tick WHERE id = ANY(%s)", [wanted])
            found = dict(cursor.fetchall())
        if len(found) == len(wanted):
            return found
        time.sleep(0.05)
    raise TimeoutError(f"{len(wanted) - len(found)} of {len(wanted)} events were not heard")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def forget_queues() -> None:
    namespace = settings.EVENT_BUS["NAMESPACE"]
    with Connection(settings.EVENT_BUS["BROKER_URL"]) as connection:
        channel = connection.default_channel
        for queue in (f"{namespace}.ticks", f"{namespace}.ticks.dead"):
            channel.queue_delete(queue)
        for exchange in (f"{namespace}.events", f"{namespace}.dead"):
            channel.exchange_delete(exchange)


if __name__ == "__main__":
    main()
