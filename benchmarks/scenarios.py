"""What is measured of orders: how many are accepted and confirmed, and how long one waits for either."""

from collections.abc import Callable
from typing import Any

from benchmarks.bench import Bench, Run
from benchmarks.client import SILENT, UNSENT
from benchmarks.figures import median
from benchmarks.floors import CLIENTS, pgbench_orders

SETTLE_CONNECTIONS, OVERLOAD_CONNECTIONS = 32, 1024
SETTLED = """
SELECT count(*), extract(epoch FROM max(done.time))::float8,
       percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM done.time - placed.time))
FROM event_log AS placed JOIN event_log AS done USING (subject)
WHERE placed.type = 'orders.order-placed.v1' AND done.type = 'orders.order-confirmed.v1'
    AND placed.time >= to_timestamp(%s)
"""


def measure_orders(bench: Bench) -> Run:
    """Closed loop of orders beside PostgreSQL taking the same orders one by one."""
    runs = [_orders(bench) for _ in range(bench.options.runs)]
    bench.peak = {name: median([run[name] for run in runs]) or 0.0 for name in ("accepted", "confirmed")}
    return {"runs": runs} | medians(runs, "confirmed_ratio", "accepted_ratio", "accepted", "confirmed", "floor")


def measure_accept(bench: Bench) -> Run:
    """The time to 201 when the shop is not pressed: eight connections."""
    runs = []
    for _ in range(bench.options.runs):
        # What one of as many connections to PostgreSQL waits for on average.
        floor = 1000 * CLIENTS / pgbench_orders(bench.shop, seconds=bench.options.duration)
        run = bench.measure(bench.plan(bench.orders(), connections=CLIENTS))
        bench.wait_until_settled()
        runs.append(run | {"floor": floor, "accept_p99_ms": run["latency"].get("201", {}).get("p99")})
    return {"runs": runs} | medians(runs, "accept_p99_ms", "floor")


def measure_settle(bench: Bench) -> Run:
    """The time from placed to confirmed at half the rate that the shop can confirm, by a schedule."""
    rate = peak_of(bench)["confirmed"] / 2
    runs = []
    for _ in range(bench.options.runs):
        run = settled(bench, bench.plan(bench.orders(), rate=rate, connections=SETTLE_CONNECTIONS))
        runs.append(run | {"rate": rate, "settle_p99_ms": run["settle_ms"]["p99"]})
    return {"runs": runs, "rate": rate} | medians(runs, "settle_p99_ms")


def measure_overload(bench: Bench) -> Run:
    """Three times as many orders as the shop can accept: what it still accepts, and how it refuses the rest."""
    peak = peak_of(bench)["accepted"]
    runs = []
    for _ in range(bench.options.runs):
        run = bench.measure(bench.plan(bench.orders(), rate=3 * peak, connections=OVERLOAD_CONNECTIONS, grace=2.0))
        bench.wait_until_settled()
        runs.append(run | under_overload(run, peak))
    return {"runs": runs} | medians(
        runs, "overload_goodput_ratio", "goodput", "floor", "accepted_p99_ms", "improper", "unanswered"
    )


def settled(bench: Bench, plan: Any) -> Run:
    """Carry a plan of orders out and wait until the last has its verdict; CPU counts until then."""
    found: Run = {}
    with bench.watching(found):
        load = bench.measure(plan)
        bench.wait_until_settled()
        count, last, lags = bench.shop.sql("orders", SETTLED, [load["began_at"]])[0]
        found["orders"] = load["statuses"].get("201", 0)
    if not count or not found["orders"]:
        raise RuntimeError(f"nothing was accepted and confirmed; answers by status: {load['statuses']}")
    found["cpu_us"]["load"] = load["load_us"]
    shares = dict(zip(("p50", "p95", "p99"), (round(1000 * float(lag), 1) for lag in lags), strict=True))
    confirmed = count / (last - load["began_at"])
    return load | found | {"confirmed": confirmed, "confirmed_count": count, "settle_ms": shares}


def peak_of(bench: Bench) -> dict[str, float]:
    """What the scenario orders has found, or one run of it."""
    if not bench.peak:
        run = _orders(bench)
        bench.peak = {name: run[name] for name in ("accepted", "confirmed")}
    return bench.peak


def medians(runs: list[Run], *names: str) -> Run:
    """The median over the runs of each of these figures."""
    return {name: median([run[name] for run in runs]) for name in names}


def under_overload(run: Run, peak: float) -> Run:
    """
    What a run at three times the peak came to. `improper` answers are neither 201 nor a refusal that says when to come
    again.
    """
    goodput = run["per_second"].get("201", 0.0)
    proper = ("201", "429", "503", str(SILENT), str(UNSENT))
    others = sum(count for status, count in run["statuses"].items() if status not in proper)
    return {
        "floor": peak,
        "goodput": goodput,
        "overload_goodput_ratio": goodput / peak,
        "accepted_p99_ms": run["latency"].get("201", {}).get("p99"),
        "improper": others + run["without_retry_after"],
        "unanswered": sum(run["statuses"].get(str(status), 0) for status in (SILENT, UNSENT)),
    }


def _orders(bench: Bench) -> Run:
    floor = pgbench_orders(bench.shop, seconds=bench.options.duration)
    run = settled(bench, bench.plan(bench.orders()))
    accepted = run["per_second"].get("201", 0.0)
    ratios = {"accepted_ratio": accepted / floor, "confirmed_ratio": run["confirmed"] / floor}
    return run | ratios | {"floor": floor, "accepted": accepted}


ORDERS: dict[str, Callable[[Bench], Run]] = {
    "orders": measure_orders,
    "accept": measure_accept,
    "settle": measure_settle,
    "overload": measure_overload,
}
