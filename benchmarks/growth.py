"""Whether a full shop is as quick as an almost empty one."""

from benchmarks.bench import Bench, Run
from benchmarks.figures import median
from benchmarks.scenarios import measure_orders

SMALL = 1_000
APPS = ("orders", "inventory")


def measure_growth(bench: Bench) -> Run:
    """
    Confirmed orders a second among a million orders and products, in parts of those among a thousand, each beside the
    floor of its own minute: between the two the machine may have become another.

    Must be the last scenario: the shop stays full.
    """
    rates: list[float] = []
    ratios: list[float] = []
    runs: list[Run] = []
    disk: list[dict[str, int]] = []
    for size, products in ((SMALL, SMALL), (bench.options.growth_size, bench.options.growth_products)):
        bench.stock_up(products=products, history=size)
        disk.append(_disk(bench))
        found = measure_orders(bench)
        rates.append(found["confirmed"])
        ratios.append(found["confirmed_ratio"])
        runs += [run | {"size": size, "products": products} for run in found["runs"]]
    floor = median([run["floor"] for run in runs if run["size"] == SMALL])
    return {
        "runs": runs,
        "small": rates[0],
        "large": rates[1],
        "small_floor": floor,
        "growth_ratio": ratios[1] / ratios[0],
        "bytes_per_order": {
            app: round((disk[1][app] - disk[0][app]) / (bench.options.growth_size - SMALL)) for app in APPS
        },
    }


def _disk(bench: Bench) -> dict[str, int]:
    """Bytes of the databases that an order grows."""
    return {app: bench.shop.sql(app, "SELECT pg_database_size(current_database())")[0][0] for app in APPS}
