"""What somebody outside sees all the time: each surface asked again and again, and how long one gave no good answer."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg
import urllib3

from tests.extraction.shop import LeavableShop

COUNTS = """
SELECT (SELECT count(*) FROM orders_order), count(*), (SELECT count(*) FROM orders_order WHERE status = 'placed')
FROM event_log WHERE type IN ('orders.order-confirmed.v1', 'orders.order-rejected.v1')
"""


class Pauses:
    """The longest time between two good moments of each surface; what goes on still counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._good: dict[str, float] = {}
        self._longest: dict[str, float] = {}

    def begin(self, name: str) -> None:
        with self._lock:
            self._good[name] = time.monotonic()

    def good(self, name: str) -> None:
        """It was all right just now."""
        with self._lock:
            now = time.monotonic()
            self._longest[name] = max(self._longest.get(name, 0.0), now - self._good.get(name, now))
            self._good[name] = now

    def take(self) -> Mapping[str, float]:
        """The longest of each since this was asked last."""
        with self._lock:
            now = time.monotonic()
            found = {name: max(self._longest.get(name, 0.0), now - at) for name, at in self._good.items()}
            self._longest = {}
            return found


class Watch:
    """Asks every surface in a thread of its own until told to stop; counts orders too."""

    def __init__(self, shop: LeavableShop, *, sku: str, every: float) -> None:
        self.pauses = Pauses()
        self.accepted = self.decided = 0
        self._shop, self._every, self._stop = shop, every, threading.Event()
        customer, staff = shop.log_in("customer"), shop.log_in("staff")
        surfaces: dict[str, Callable[[], bool]] = {
            "stock": lambda: self._get(f"/api/v1/inventory/stock/{sku}"),
            "products": lambda: self._get("/api/v1/products?page_size=5"),
            "orders": lambda: self._get("/api/v1/orders?page_size=5", Authorization=customer),
            "stock written": lambda: self._receive(sku, staff),
        }
        self._threads = [
            threading.Thread(target=self._ask, args=(name, question)) for name, question in surfaces.items()
        ]
        self._threads.append(threading.Thread(target=self._count))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, name: str, question: Callable[[], bool]) -> None:
        self.pauses.begin(name)
        while not self._stop.wait(self._every):
            try:
                if question():
                    self.pauses.good(name)
            except urllib3.exceptions.HTTPError:
                pass  # nobody at the door is no good answer

    def _get(self, path: str, **headers: str) -> bool:
        return self._shop.call("GET", path, **headers).status == 200

    def _receive(self, sku: str, staff: str) -> bool:
        body = {"quantity": 1, "reason": "received"}
        path = f"/api/v1/inventory/stock/{sku}/adjustments"
        key = secrets.token_hex(8)
        return self._shop.call("POST", path, body, Authorization=staff, Idempotency_Key=key).status == 201

    def _count(self) -> None:
        """Placing and confirming pause when nothing new comes, which customers who keep coming make a pause of ours."""
        for name in ("placing", "confirming"):
            self.pauses.begin(name)
        url = f"{self._shop.environment()['NEXUS_POSTGRES_URL']}_orders"
        with psycopg.connect(url, autocommit=True) as connection:
            while not self._stop.wait(self._every):
                accepted, decided, waiting = connection.execute(COUNTS).fetchone() or (0, 0, 0)
                if accepted > self.accepted:
                    self.pauses.good("placing")
                # Nothing to decide is no pause of whoever decides.
                if decided > self.decided or not waiting:
                    self.pauses.good("confirming")
                self.accepted, self.decided = accepted, decided


@contextmanager
def watching(shop: LeavableShop, *, sku: str, every: float) -> Iterator[Watch]:
    """For the length of the block, every so many seconds."""
    watch = Watch(shop, sku=sku, every=every)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()
