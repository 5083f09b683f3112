"""The flash sale: one sku, far more orders than pieces. Nothing may be oversold, and refusing must be cheap."""

import json
import signal
import threading
from typing import Any

from benchmarks.bench import Bench, Run
from benchmarks.reading import trivial_rate
from benchmarks.scenarios import medians

CHAOS_AFTER = 0.35
"""Of the orders that the stock is good for are taken when the cache is emptied and the worker killed."""
WITHIN = 600.0
OUTCOME = """
SELECT count(*) FILTER (WHERE o.status = 'confirmed'), count(*) FILTER (WHERE o.status = 'rejected'), count(*)
FROM orders_orderline AS l JOIN orders_order AS o ON o.id = l.order_id WHERE l.sku = %s
"""
TAKEN = "SELECT coalesce(sum(reserved), 0), coalesce(sum(on_hand - reserved), 0) FROM inventory_stock WHERE sku = %s"


def measure_flash(bench: Bench) -> Run:
    """Refusals a second once sold out, beside trivial answers; and whether exactly the stock was sold."""
    runs = [_flash(bench, number) for number in range(bench.options.runs)]
    exact = min(run["flash_exact"] for run in runs)
    return {"runs": runs, "flash_exact": exact} | medians(runs, "flash_ratio", "refusals", "floor")


def _flash(bench: Bench, number: int) -> Run:
    options = bench.options
    sku = _put_on_sale(bench, f"-FLASH{number}", options.flash_stock)
    floor = trivial_rate(bench, connections=options.connections)
    requests = bench.orders(lines=1, skus=[sku], most=options.flash_buyers)
    stop = threading.Event()
    chaos = threading.Thread(target=_break, args=[bench, sku, stop])
    if options.chaos:
        chaos.start()
    try:
        run = bench.measure(bench.plan(requests, seconds=WITHIN, grace=0.0))
    finally:
        stop.set()
        if options.chaos:
            chaos.join()
    bench.wait_until_settled()
    return run | _outcome(bench, sku) | _refusals(run, floor)


def _put_on_sale(bench: Bench, tag: str, stock: int) -> str:
    """A new sku with that many pieces, known everywhere."""
    tag += "C" if bench.options.chaos else ""
    return bench.shop.add_goods("--products", "1", "--stock", str(stock), f"--tag={tag}")["skus"][0]


def _outcome(bench: Bench, sku: str) -> Run:
    confirmed, rejected, placed = bench.shop.sql("orders", OUTCOME, [sku])[0]
    reserved, available = bench.shop.sql("inventory", TAKEN, [sku])[0]
    exact = confirmed == reserved == bench.options.flash_stock and available == 0
    figures = {"confirmed": confirmed, "rejected": rejected, "placed": placed}
    return figures | {"reserved": int(reserved), "available": int(available), "flash_exact": int(exact)}


def _refusals(run: dict[str, Any], floor: float) -> Run:
    """From the last order that was taken to the last that was refused; not the few before; None when none was."""
    sold_out, over = run["last"].get("201", 0.0), run["last"].get("409", 0.0)
    refused = run["after_last"].get("409", 0)
    if not refused or over <= sold_out:
        return {"floor": floor, "refusals": None, "flash_ratio": None}
    rate = refused / (over - sold_out)
    return {"floor": floor, "refusals": rate, "flash_ratio": rate / floor}


def _break(bench: Bench, sku: str, stop: threading.Event) -> None:
    """Amid the sale, empty the cache, and kill the inventory worker and start it again."""
    while not stop.wait(0.1):
        reserved = bench.shop.sql("inventory", TAKEN, [sku])[0][0]
        if reserved >= CHAOS_AFTER * bench.options.flash_stock:
            bench.shop.empty_cache()
            bench.shop.kill("worker inventory", number=signal.SIGKILL)
            bench.shop.start("worker inventory")
            print(json.dumps({"chaos": "cache emptied, inventory worker killed", "reserved": int(reserved)}))
            return
