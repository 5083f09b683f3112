"""What is measured of reading: products, lists and stock, beside a server that answers trivially."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from typing import Any

from benchmarks.bench import Bench, Run
from benchmarks.floors import trivial_server
from benchmarks.scenarios import medians

CONNECTIONS = 32
HOT = 20
COLD = 3_000
"""Questions at most: what was asked once is cold no more."""


def measure_detail(bench: Bench) -> Run:
    """The same twenty products over and over, and each product once with an empty cache."""
    paths = [f"/api/v1/products/{slug}" for slug in bench.slugs]
    return _hot_and_cold(bench, "detail", hot=paths[:HOT], cold=paths[:COLD])


def measure_list(bench: Bench) -> Run:
    """The first page over and over, and filters never asked before."""
    return _hot_and_cold(bench, "list", hot=["/api/v1/products?page_size=20"], cold=list(islice(filters(), COLD)))


def measure_stock(bench: Bench) -> Run:
    """How many can be sold of a sku, all skus in turn."""
    paths = [f"/api/v1/inventory/stock/{sku}" for sku in bench.skus[:1000]]
    # What was measured before may have left the cache empty.
    bench.measure(bench.plan({"gets": {"paths": paths, "once": True}}, connections=CONNECTIONS))
    runs = [_beside_the_floor(bench, paths, name="stock_ratio") for _ in range(bench.options.runs)]
    return {"runs": runs} | medians(runs, "stock_ratio", "rate", "floor")


def trivial_rate(bench: Bench, *, connections: int = CONNECTIONS) -> float:
    """Trivial answers a second by the same kind of server, asked by the same client."""
    with trivial_server(bench.shop.var, workers=bench.shop.web_workers()) as port:
        plan = bench.plan(_gets(["/"]), port=port, connections=connections)
        found = bench.measure(plan)
    return float(found["per_second"].get("200", 0.0))


def filters() -> Iterator[str]:
    """Lists of products, no two with the same filters."""
    orderings = ("name", "newest", "price", "-price")
    for low, high, ordering in product(range(5, 105), range(120, 1120, 10), orderings):
        yield f"/api/v1/products?page_size=20&min_price={low}&max_price={high}&ordering={ordering}"


def _hot_and_cold(bench: Bench, name: str, *, hot: Sequence[str], cold: Sequence[str]) -> Run:
    runs = []
    for at in range(bench.options.runs):
        run = _beside_the_floor(bench, hot, name=f"{name}_hot_ratio")
        # A share of the questions for each run, so that none comes twice.
        some = cold[at :: bench.options.runs] if name == "list" else cold
        runs.append(run | {"cold": (found := _cold(bench, some)), f"{name}_cold_rps": found["rate"]})
    return {"runs": runs} | medians(runs, f"{name}_hot_ratio", f"{name}_cold_rps", "rate", "floor")


def _beside_the_floor(bench: Bench, paths: Sequence[str], *, name: str) -> Run:
    floor = trivial_rate(bench)
    run = bench.measure(bench.plan(_gets(paths), connections=CONNECTIONS))
    rate = run["per_second"].get("200", 0.0)
    return run | {"floor": floor, "rate": rate, name: rate / floor}


def _cold(bench: Bench, paths: Sequence[str]) -> Run:
    bench.shop.empty_cache()
    run = bench.measure(bench.plan({"gets": {"paths": list(paths), "once": True}}, connections=CONNECTIONS))
    # The paths may run out before the time does.
    took = min(bench.options.duration, run["last"].get("200", bench.options.duration))
    answered = run["per_second"].get("200", 0.0) * bench.options.duration
    return run | {"rate": answered / took}


def _gets(paths: Sequence[str]) -> dict[str, Any]:
    return {"gets": {"paths": list(paths), "once": False}}


READING: dict[str, Callable[[Bench], Run]] = {
    "detail": measure_detail,
    "list": measure_list,
    "stock": measure_stock,
}
