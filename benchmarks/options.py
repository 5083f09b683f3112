"""What one invocation of the benchmark was asked to do."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

SCENARIOS = ("orders", "accept", "settle", "detail", "list", "stock", "flash", "overload", "door", "growth", "soak")
LONG = ("growth", "soak")
"""Only when they are asked for."""


SHORTEST_SOAK = 4
USUAL = tuple(name for name in SCENARIOS if name not in LONG)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Durations in seconds; `only` names the scenarios to run, in the order of `SCENARIOS`."""

    only: tuple[str, ...]
    runs: int
    duration: float
    connections: int
    products: int
    customers: int
    history: int
    keys: bool
    chaos: bool
    flash_stock: int
    flash_buyers: int
    growth_size: int
    growth_products: int
    soak_minutes: int
    compare: tuple[str, str] | None


def read_options(words: Sequence[str] | None = None) -> Options:
    """:raises SystemExit: a word is unknown, or a scenario has no such name"""
    parser = _parser()
    given = parser.parse_args(words)
    only = tuple(given.only.split(",")) if given.only else USUAL
    if unknown := sorted(set(only) - set(SCENARIOS)):
        parser.error(f"no such scenario: {', '.join(unknown)}")
    if "soak" in only and given.soak_minutes < SHORTEST_SOAK:
        parser.error(f"a soak takes {SHORTEST_SOAK} minutes at least: the first ones do not count")
    if given.growth:
        only = (*only, "growth")
    return Options(
        only=tuple(name for name in SCENARIOS if name in only),
        runs=given.runs or (1 if given.quick else 5),
        duration=given.duration or (2.0 if given.quick else 8.0),
        connections=given.connections,
        products=given.products,
        customers=given.customers,
        history=given.history,
        keys=given.keys,
        chaos=given.chaos,
        flash_stock=given.flash_stock or (500 if given.quick else 10_000),
        flash_buyers=given.flash_buyers or (3_000 if given.quick else 50_000),
        growth_size=given.growth_size,
        growth_products=given.growth_products or given.growth_size,
        soak_minutes=given.soak_minutes,
        compare=tuple(given.compare) if given.compare else None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the shop beside its floors.")
    add = parser.add_argument
    add("--only", default="", metavar="NAMES", help=f"scenarios with commas between: {', '.join(SCENARIOS)}")
    add("--runs", type=int, help="runs of each scenario; the median counts (5)")
    add("--duration", type=float, help="seconds of each run (8)")
    add("--quick", action="store_true", help="one run of 2 seconds, a small flash sale")
    add("--connections", type=int, default=128, help="of the closed loop of orders (128)")
    add("--products", type=int, default=1_000, help="skus for sale (1000)")
    add("--customers", type=int, default=2_000, help="customers with valid tokens (2000)")
    add("--history", type=int, default=0, help="orders present before anything is measured (0)")
    add("--no-keys", dest="keys", action="store_false", help="orders without Idempotency-Key")
    add("--chaos", action="store_true", help="empty the cache and kill the inventory worker amid the flash sale")
    add("--flash-stock", type=int, help="pieces in the flash sale (10000)")
    add("--flash-buyers", type=int, help="orders in the flash sale (50000)")
    add("--growth", action="store_true", help="also measure orders among many orders and products; takes long")
    add("--growth-size", type=int, default=1_000_000, help="how many of each that is (1000000)")
    add("--growth-products", type=int, help="how many products, if not as many as orders")
    add("--soak-minutes", type=int, default=10, help="how long the scenario soak takes (10)")
    add("--compare", nargs=2, metavar=("A", "B"), help="two revisions by turns, scenario orders only")
    return parser
