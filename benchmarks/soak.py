"""Whether the shop stays as it is under hours of trade: memory by the minute, at half of what it can confirm."""

from benchmarks.bench import Bench, Run
from benchmarks.scenarios import SETTLE_CONNECTIONS, peak_of, settled

MINUTE = 60.0
SETTLING = 2
"""Minutes in which caches, pools and statements come to their sizes."""


def measure_soak(bench: Bench) -> Run:
    """Megabytes by group of processes in each minute, and how many more in the last one than in the third."""
    rate = peak_of(bench)["confirmed"] / 2
    runs = []
    for _ in range(bench.options.soak_minutes):
        plan = bench.plan(bench.orders(), rate=rate, connections=SETTLE_CONNECTIONS, seconds=MINUTE)
        runs.append(settled(bench, plan) | {"rate": rate})
    memory = [run["resident_mb"] for run in runs]
    settled_at, last = memory[SETTLING], memory[-1]
    return {
        "runs": runs,
        "rate": rate,
        "memory_mb": memory,
        "memory_growth_mb": {group: last[group] - settled_at[group] for group in last if group in settled_at},
    }
