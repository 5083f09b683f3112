"""What all scenarios share: the shop, what was asked for, tokens, and one measured load."""

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.cpu import Watch
from benchmarks.floors import copy_orders
from benchmarks.history import place_history
from benchmarks.load import Plan, run_load
from benchmarks.options import Options
from benchmarks.shop import EVERYTHING, ROOT, Shop
from benchmarks.tokens import sign_tokens
from nexus.embedded.launcher import engines

WARM_UP = 1.0
PATIENCE, SLOWEST = 600.0, 100.0
"""Seconds, and products a second, until goods should be there."""
Run = dict[str, Any]
"""Figures of one run by name."""


@dataclass
class Bench:
    """A shop with goods, ready to be measured."""

    shop: Shop
    options: Options
    skus: list[str] = field(default_factory=list)
    slugs: list[str] = field(default_factory=list)
    peak: dict[str, float] = field(default_factory=dict)
    """The medians of `accepted` and `confirmed` orders a second, once the scenario orders has found them."""
    _runs: int = 0

    def stock_up(self, *, products: int, history: int) -> None:
        """Fill the shop up to that many products and orders; the floor gets a copy of the orders database."""
        self.shop.start(*EVERYTHING[1:])
        words = ["--products", str(products), "--first", str(len(self.skus))]
        words += ["--customers", str(self.options.customers)]
        made = self.shop.add_goods(*words, within=PATIENCE + products / SLOWEST)
        self.skus += made["skus"]
        self.slugs += made["slugs"]
        place_history(self.shop, count=history)
        self.shop.stop()
        copy_orders(self.shop)
        self.shop.start(*EVERYTHING)
        self._warm_up()

    def _warm_up(self) -> None:
        """The first requests of a process import, connect and prepare; that is not what is measured."""
        for requests in (self.orders(), {"gets": {"paths": [f"/api/v1/products/{self.slugs[0]}"], "once": False}}):
            run_load(self.plan(requests, seconds=WARM_UP), folder=self.shop.var, begin=lambda _: None)
        self.wait_until_settled()

    def measure(self, plan: Plan) -> Run:
        """Carry a plan out; its figures with CPU and memory by group."""
        roots: dict[int, str] = {}
        watch = Watch(lambda: self.shop.groups() | roots)

        def begin(pid: int) -> None:
            roots[pid] = "load"
            watch.begin()

        found = run_load(plan, folder=self.shop.var, begin=begin)
        return self.with_cpu(found, watch, per=max(1, found["requests"]))

    @contextmanager
    def watching(self, found: Run) -> Iterator[Run]:
        """Measure CPU over the block too, what follows the load included; `found["orders"]` says per how many."""
        watch = Watch(self.shop.groups)
        watch.begin()
        yield found
        self.with_cpu(found, watch, per=max(1, found.get("orders", 1)))

    def with_cpu(self, found: Run, watch: Watch, *, per: int) -> Run:
        """Put what was watched beside the figures: seconds, microseconds per piece, and megabytes, by group."""
        cpu = watch.end()
        if "load_cpu" in found:
            cpu["other"] = max(0.0, cpu.get("other", 0.0) + cpu.get("load", 0.0) - found["load_cpu"])
            cpu["load"] = found["load_cpu"]
        found["cpu_seconds"] = {group: round(seconds, 3) for group, seconds in cpu.items()}
        found["cpu_us"] = {group: round(1e6 * seconds / per, 1) for group, seconds in cpu.items()}
        found["resident_mb"] = {group: size // 2**20 for group, size in sorted(watch.resident.items())}
        return found

    def orders(self, *, lines: int = 2, skus: list[str] | None = None, most: int = 0) -> dict[str, Any]:
        """The requests of a plan that places orders, with tokens signed just now."""
        self._runs += 1
        tokens = sign_tokens(var=self.shop.var, count=self.options.customers)
        run = f"{self.shop.name}-{self._runs}"
        parts = {"tokens": tokens, "skus": skus or self.skus, "lines": lines, "most": most}
        return {"orders": parts | {"run": run, "keys": self.options.keys}}

    def plan(self, requests: dict[str, Any], **more: Any) -> Plan:
        """A closed loop of the usual size over the usual time, unless said otherwise."""
        usual = {"port": self.shop.port, "connections": self.options.connections, "seconds": self.options.duration}
        return Plan(requests=requests, **(usual | more))

    def wait_until_settled(self, *, within: float = 300.0) -> None:
        """:raises TimeoutError: some order is still without its verdict"""
        deadline = time.monotonic() + within
        query = "SELECT 1 FROM orders_order WHERE status = 'placed' LIMIT 1"
        while self.shop.sql("orders", query):
            if time.monotonic() > deadline:
                raise TimeoutError("orders wait for their verdict")
            time.sleep(0.1)


@contextmanager
def running_bench(options: Options, *, var: Path, root: Path = ROOT) -> Iterator[Bench]:
    """
    A shop on durable engines of its own, with goods; everything is ended and its queues deleted at the end.

    :raises RuntimeError: the engines are not durable
    """
    with engines(var=var, durable=True, announce=print) as addresses:
        shop = Shop(var=var, engines=addresses, root=root)
        refuse_unless_durable(shop)
        try:
            shop.python("manage.py", "prepare")
            bench = Bench(shop=shop, options=options)
            bench.stock_up(products=options.products, history=options.history)
            yield bench
        finally:
            shop.stop()
            with contextlib.suppress(OSError):
                shop.forget_queues()


def refuse_unless_durable(shop: Shop) -> None:
    """:raises RuntimeError: PostgreSQL would lose what it has committed"""
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        found = shop.sql("postgres", f"SHOW {setting}")
        if found != [("on",)]:
            raise RuntimeError(f"{setting} is not on: figures of a server that forgets are worth nothing")
