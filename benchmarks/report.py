"""What comes out: a table for people, `latest.json` for programs, and a plot for each scenario."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from kombu import Connection

from benchmarks.bench import Bench, Run
from benchmarks.plots import bars

RESULTS = Path(__file__).resolve().parent / "results"
FIGURES = (
    "confirmed_ratio",
    "accepted_ratio",
    "accept_p99_ms",
    "settle_p99_ms",
    "detail_hot_ratio",
    "detail_cold_rps",
    "list_hot_ratio",
    "list_cold_rps",
    "stock_ratio",
    "flash_ratio",
    "flash_exact",
    "growth_ratio",
    "overload_goodput_ratio",
)
# Which figures of a scenario stand beside its floor in the plot; the soak has no floor and no plot.
PLOTTED = {
    "orders": ("accepted", "confirmed"),
    "detail": ("rate", "detail_cold_rps"),
    "list": ("rate", "list_cold_rps"),
    "stock": ("rate",),
    "flash": ("refusals",),
    "overload": ("goodput",),
    "accept": ("accept_p99_ms",),
    "settle": ("settle_p99_ms",),
    "growth": ("small", "large"),
}


def machine(bench: Bench) -> dict[str, Any]:
    """What it was measured on."""
    with psycopg.connect(bench.shop.database("orders")) as connection:
        postgres = connection.info.parameter_status("server_version")
    with Connection(bench.shop.environment()["NEXUS_BROKER_URL"]) as broker:
        broker.ensure_connection(max_retries=3)
        rabbitmq = broker.connection.server_properties.get("version", "")
    revision = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=bench.shop.root, capture_output=True, text=True, check=False
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "postgres": postgres,
        "rabbitmq": rabbitmq,
        "revision": revision.stdout.strip(),
        "web": " ".join(bench.shop.web_command()[1:]),
    }


def write(found: Mapping[str, Run], *, about: Mapping[str, Any], merge: bool) -> None:
    """Write `latest.json` and the plots; `merge` keeps what other scenarios left there."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / "latest.json"
    before: dict[str, Any] = json.loads(file.read_text()) if merge and file.exists() else {}
    raw = before.get("raw", {}) | {name: {"about": about} | run for name, run in found.items()}
    figures = {name: before.get(name) for name in FIGURES}
    for run in found.values():
        figures |= {name: _rounded(run[name]) for name in FIGURES if name in run}
    file.write_text(json.dumps(figures | {"raw": raw | {"machine": about}}, indent=1, default=str) + "\n")
    for name, run in found.items():
        if name not in PLOTTED:
            continue
        shown = {label: run.get(label) for label in ("floor", *PLOTTED[name])}
        drawn = {label: float(value) for label, value in shown.items() if value is not None}
        (RESULTS / f"{name}.svg").write_text(bars(title=name, values=drawn))


def lines(name: str, run: Run) -> list[str]:
    """A scenario as lines of text: its figures, then CPU, memory and answers of its last run."""
    found = [f"{name}"]
    figures = {key: value for key, value in run.items() if isinstance(value, int | float)}
    found += [f"  {key:<24}{_rounded(value):>12,}" for key, value in figures.items()]
    last = run["runs"][-1]
    found += [_table("CPU us each", last.get("cpu_us", {})), _table("MB resident", last.get("resident_mb", {}))]
    for title, name in (("MB more", "memory_growth_mb"), ("bytes/order", "bytes_per_order")):
        if name in run:
            found.append(_table(title, run[name]))
    found += [_table("answers", last.get("statuses", {}))]
    for status, times in last.get("latency", {}).items():
        found.append(_table(f"ms of {status}", times))
    found.append(f"  load: {last.get('load_us', 0):.0f} us a request, {100 * last.get('load_share', 0):.0f}% of a core")
    return found


def faults(run: Run) -> list[str]:
    """What was found wrong after a scenario, as lines of text."""
    broken = [f"  BROKEN {found['name']}: {found['count']}, first {found['offender']}" for found in run["broken"]]
    return broken or ["  verify: clean"]


def _table(title: str, values: Mapping[str, Any]) -> str:
    return f"  {title:<12}" + "  ".join(f"{name} {_rounded(value):g}" for name, value in values.items())


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
