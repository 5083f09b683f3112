"""
What a rate of orders needs, by measured costs.

Nothing here was measured at such rates: costs of one order on two cores are multiplied. What they are is in
benchmarks/results: latest.json, writes.json and bus.json.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from nexus.eventbus.relay import BATCH, GATHERING

RESULTS = Path(__file__).resolve().parents[1] / "results"
PROCESSES = {"web": 2, "relay": 1, "worker inventory": 1, "worker orders": 1, "worker catalog": 1}
"""Our own stages: of each so many processes stood in the measured shop."""
ENGINES = ("postgres", "mongo", "redis", "rabbitmq")
BUSY = 0.5
"""The share of its core that a process may be busy: costs are those of a shop at half its peak, its latencies too."""
STANDBYS = 1
"""Relays that wait for the active one to go."""
THREADS, DATABASES = 16, 3
"""Threads of a web process, of which each may hold a connection to each database, and how many databases there are."""
LANE = 2
"""Connections of its express lane: one by which orders are placed, one that asks what is sold out."""
EVENTS = {"orders": 2.0, "inventory": 1.0}
"""Told in each log for an order that is confirmed; levels of stock are told once in a while, whatever the rate."""
DAY = 86_400
NEAR = 1.05
"""A rate that is less than this much above another counts as the same."""
MANIFESTS = {"web": 8.0, "worker inventory": 4.0, "worker orders": 4.0, "relay": 1.0, "postgres": 2.0, "rabbitmq": 2.0}
"""
Cores that deploy/k8s gives a stage when it is scaled to its most: pods, times processes in each; one of the relays
works; an engine's limit is that of the member that leads.
"""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """
    Of one order: microseconds of processor by stage, at several rates and at half the peak; bytes kept by database;
    what is written, at several rates. The rest are orders, or events, a second.
    """

    half: Mapping[str, float]
    cpu: Sequence[Mapping[str, float]]
    kept: Mapping[str, int]
    resident: Mapping[str, float]
    writes: Sequence[Mapping[str, float]]
    hot: float
    every: float
    published: float


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a rate needs; `cores` are busy ones at half load, `processes` have a core each."""

    orders_a_minute: int
    cores: Mapping[str, float]
    processes: Mapping[str, int]
    memory_gb: float
    disk_gb_a_day: Mapping[str, float]
    wal_mb_a_second: float
    wal_gb_a_day: float
    syncs_a_second: float
    commits_a_second: float
    connections: int
    events_a_second: Mapping[str, float]
    messages_a_second: float

    @property
    def total_cores(self) -> float:
        return sum(self.cores.values())


@dataclass(frozen=True, kw_only=True)
class Wall:
    """Something that more of the same processes does not help against, and the rate at which it is met."""

    what: str
    orders_a_minute: float
    how_known: str


def read_costs(folder: Path = RESULTS) -> Costs:
    """The committed measurements."""
    latest = json.loads((folder / "latest.json").read_text())
    writes = json.loads((folder / "writes.json").read_text())
    bus = json.loads((folder / "bus.json").read_text())
    raw = latest["raw"]
    half = _medians(raw["settle"]["runs"], "cpu_us")
    named = [{name.removeprefix("cpu_us "): value for name, value in run.items()} for run in writes["runs"]]
    return Costs(
        half=half,
        cpu=[*named, half | {"rate": raw["settle"]["rate"]}],
        kept=raw["growth"]["bytes_per_order"],
        resident=_medians(raw["settle"]["runs"], "resident_mb"),
        writes=writes["runs"],
        hot=writes["confirmed_a_second"]["hot"],
        every=writes["confirmed_a_second"]["all"],
        published=bus["rates"]["500"]["published"],
    )


def need(costs: Costs, orders_a_minute: int) -> Need:
    """What so many orders need."""
    rate = orders_a_minute / 60
    each = _at_rate(costs.cpu, rate)
    cores = {stage: rate * each[stage] / 1e6 for stage in (*PROCESSES, *ENGINES)}
    processes = {stage: max(1, math.ceil(cores[stage] / BUSY)) for stage in PROCESSES}
    processes["relay"] += STANDBYS
    written = _at_rate(costs.writes, rate)
    kept = {app: size * rate * DAY / 1e9 for app, size in costs.kept.items()}
    return Need(
        orders_a_minute=orders_a_minute,
        cores=cores,
        processes=processes,
        memory_gb=sum(n * costs.resident[stage] / PROCESSES[stage] for stage, n in processes.items()) / 1024,
        disk_gb_a_day=kept,
        wal_mb_a_second=rate * written["wal_bytes"] / 1e6,
        wal_gb_a_day=rate * DAY * written["wal_bytes"] / 1e9,
        syncs_a_second=rate * written["wal_syncs"],
        commits_a_second=rate * written["commits"],
        connections=_connections(processes),
        events_a_second={app: rate * events for app, events in EVENTS.items()},
        messages_a_second=sum(min(rate * events, _batches(rate * events)) for events in EVENTS.values()),
    )


def carried(costs: Costs) -> dict[str, float]:
    """Orders a minute that each stage of deploy/k8s carries at its most, half busy; the first is what all carry."""
    found = {stage: 60 * cores * BUSY * 1e6 / costs.half[stage] for stage, cores in MANIFESTS.items()}
    return dict(sorted(found.items(), key=lambda each: each[1]))


def walls(costs: Costs) -> list[Wall]:
    """The nearest first."""
    found = [
        Wall(
            what="one sku that everybody wants: its row is locked by one batch at a time",
            orders_a_minute=60 * 1e6 / costs.half["worker inventory"],
            how_known="computed: one worker's core, for batches wait for each other; not met on two cores, where "
            f"{costs.hot:,.0f} a second of one such line were confirmed, and {costs.every:,.0f} of two lines of all",
        ),
        Wall(
            what="the relay of orders' log: one process follows it",
            orders_a_minute=60 * min(BATCH / GATHERING / EVENTS["orders"], 1e6 / costs.half["relay"]),
            how_known="computed: a batch of 500 in 30 ms, and a core for all logs, whichever ends first",
        ),
        Wall(
            what="one message queue: what one connection publishes with confirms",
            orders_a_minute=60 * costs.published / EVENTS["orders"],
            how_known="measured on two cores, 500 events to a message, one node (benchmarks/results/bus.json)",
        ),
        Wall(
            what="one PostgreSQL with all databases, at 32 cores",
            orders_a_minute=60 * 32 * BUSY * 1e6 / costs.half["postgres"],
            how_known="computed: as if cores added up, which nobody has tried here beyond two",
        ),
    ]
    return sorted(found, key=lambda wall: wall.orders_a_minute)


def _batches(events: float) -> float:
    """Batches a second of a log: one every 30 ms, more only when they are full."""
    return max(1 / GATHERING, events / BATCH)


def _connections(processes: Mapping[str, int]) -> int:
    """
    Of PostgreSQL, at most: one for each thread of the web and database, those of its lane, and two for each log that a
    relay follows.
    """
    workers = processes["worker orders"] + processes["worker inventory"]
    return processes["web"] * (THREADS * DATABASES + LANE) + workers + processes["relay"] * DATABASES * 2


def _at_rate(measured: Sequence[Mapping[str, float]], rate: float) -> Mapping[str, float]:
    """What was measured at that rate or the next below: an order costs less the more there are, so this is too much."""
    below = [each for each in measured if each["rate"] <= rate * NEAR]
    return max(below, key=lambda each: each["rate"]) if below else min(measured, key=lambda each: each["rate"])


def _medians(runs: Sequence[Mapping[str, Any]], figure: str) -> dict[str, float]:
    return {name: median(run[figure].get(name, 0.0) for run in runs) for name in runs[0][figure]}
