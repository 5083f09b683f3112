"""
The load as a process of its own: ``python -m benchmarks.load PLAN RESULT``.

It says ``ready`` when everything is encoded and connected, begins at the line ``go``, and writes its figures.
"""

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.client import Client
from benchmarks.figures import summary
from benchmarks.requests import requests_of

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`rate` in requests a second makes an open loop of it, 0 a closed one; `grace`: seconds for late answers."""

    port: int
    connections: int
    seconds: float
    requests: dict[str, Any]
    rate: float = 0.0
    grace: float = 15.0


def run_load(plan: Plan, *, folder: Path, begin: Callable[[int], None]) -> dict[str, Any]:
    """
    Carry the plan out in a process of its own; its figures. `begin` gets its pid when everything stands ready.

    :raises RuntimeError: the process failed
    """
    wanted, result = folder / "plan.json", folder / "load.json"
    wanted.write_text(json.dumps(asdict(plan)))
    command = [sys.executable, "-m", "benchmarks.load", str(wanted), str(result)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            if process.stdout.readline().strip() == "ready":
                begin(process.pid)
                process.stdin.write("go\n")
                process.stdin.flush()
            if process.wait(plan.seconds + plan.grace + 120):
                raise RuntimeError("the load failed")
        finally:
            process.kill()
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def carry_out(plan: Plan) -> dict[str, Any]:
    """In the process of the load: wait for the word, do it, and sum up."""
    client = Client(port=plan.port, connections=plan.connections, requests=requests_of(plan.requests))
    gc.freeze()
    gc.disable()
    print("ready", flush=True)
    sys.stdin.readline()
    began_at, cpu = time.time(), time.process_time()
    if plan.rate:
        start = client.open(seconds=plan.seconds, rate=plan.rate, grace=plan.grace)
    else:
        start = client.closed(seconds=plan.seconds, grace=plan.grace)
    cpu, wall = time.process_time() - cpu, time.monotonic() - start
    found = summary(client.journal, start=start, seconds=plan.seconds)
    count = max(1, client.journal.count)
    return found | {"began_at": began_at, "load_cpu": cpu, "load_share": cpu / wall, "load_us": 1e6 * cpu / count}


if __name__ == "__main__":
    figures = carry_out(Plan(**json.loads(Path(sys.argv[1]).read_text())))
    Path(sys.argv[2]).write_text(json.dumps(figures))
