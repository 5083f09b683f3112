"""A shop whose processes die where they are told to and are started again, as a supervisor would."""

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import urllib3
from pymongo import MongoClient
from redis import Redis

from tests.eventually import eventually
from tests.failpoints.apps import FOLDER, PROCESS
from tests.failpoints.table import Failpoint
from tests.journeys.system import Answer, System

ORDERS = "/api/v1/orders"
T = TypeVar("T")


class FragileShop(System):
    """A system whose processes have failpoints."""

    def __init__(self, home: Path, *, broker_url: str = "", port: int | None = None) -> None:
        super().__init__(home, broker_url=broker_url, port=port)
        self._armed, self._hit = home / "armed", home / "hit"
        self._armed.mkdir()
        self._hit.mkdir()

    def start_engines(self) -> None:
        super().start_engines()
        # Whoever dies amid a transaction of MongoDB leaves it open until the server ends it: by default, for a minute.
        with MongoClient[dict[str, Any]](self.engines["mongo"].engine.url(port=self.engines["mongo"].port)) as mongo:
            mongo.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=2)

    # -- failpoints

    def arm(self, point: Failpoint) -> None:
        """The next process that comes there dies."""
        (self._armed / point.name).touch()

    def has_died_at(self, point: Failpoint) -> bool:
        return (self._hit / point.name).exists()

    def revive(self) -> None:
        """Start again what died; children that outlived their process go with it."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                self.start(name)

    def until(self, look: Callable[[], T]) -> T:
        """The first truthy answer of `look`; meanwhile whatever dies is started again."""

        def revive_and_look() -> T | None:
            self.revive()
            try:
                return look()
            except urllib3.exceptions.HTTPError:
                return None

        found = eventually(revive_and_look, within=90, every=0.05)
        assert found is not None
        return found

    def insist(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """
        The answer to a request that is sent again, with the same headers, until there is one below 500.

        A database may hold a key for a moment after the process that used it has died.
        """

        def ask() -> Answer | None:
            answer = self.call(method, path, body, **headers)
            return None if answer.status >= 500 or answer.body.get("code") == "in_progress" else answer

        found = self.until(ask)
        assert found is not None
        return found

    # -- processes that know who they are

    def launch(self, name: str, **more: str) -> None:
        super().launch(name, **{PROCESS: name}, **more)

    def environment(self) -> dict[str, str]:
        ours = {
            "DJANGO_SETTINGS_MODULE": "tests.failpoints.settings",
            FOLDER: str(self.home),
            PROCESS: "",
        }
        return super().environment() | ours

    # -- what the shop knows

    def levels(self, sku: str) -> set[int]:
        """How many of it are left, as everybody has it who keeps a copy: one number when all agree."""
        [(counted,)] = self.sql("inventory", "SELECT on_hand - reserved FROM inventory_stock WHERE sku = %s", sku)
        [(hinted,)] = self.sql("orders", "SELECT available FROM orders_stockhint WHERE sku = %s", sku)
        with Redis.from_url(self.environment()["NEXUS_REDIS_URL"], decode_responses=True) as redis:
            cached = redis.hget(f"stock:{sku}", "available")
        variants = self.product_of(sku)["variants"]
        [shown] = [variant["availability"]["available"] for variant in variants if variant["sku"] == sku]
        return {counted, hinted, int(cached or -1), shown}

    def product_of(self, sku: str) -> dict[str, Any]:
        """The product that has it as a variant."""
        found = self.call("GET", f"/api/v1/products?search={sku}").body["results"]
        [product] = [each for each in found if sku in {variant["sku"] for variant in each["variants"]}]
        return dict(product)

    def count_orders(self) -> int:
        return sum(self.statuses().values())

    def status_of(self, order_id: str) -> str:
        [(status,)] = self.sql("orders", "SELECT status FROM orders_order WHERE id = %s", order_id)
        found: str = status
        return found
