"""
Where a process may die on an order's way: before and after every commit, publish and acknowledgement.

A row names a function of the code and says whether the process dies when it is called or when it has returned.
"""

from dataclasses import dataclass
from typing import Literal

PLACED, OFFER = "orders.order-placed.v1", "catalog.offer-changed.v1"
RESERVED, LEVEL = "inventory.stock-reserved.v1", "inventory.stock-level-changed.v1"


@dataclass(frozen=True)
class Failpoint:
    """
    One place to die at.

    `story` is what has to happen for a process to come there. `holding` narrows the place to calls that have this in
    their arguments; a call that ended with nothing done (0, False, an empty set) is never the place.
    """

    process: str
    place: str
    moment: Literal["before", "after"]
    target: str
    story: str
    holding: str = ""

    @property
    def name(self) -> str:
        return f"{self.process} {self.place}".replace(" ", "-")


def _web() -> list[Failpoint]:
    # On the way of every order, whether the event loop writes it or a thread.
    attempt = "nexus.orders.services.attempt:Attempt"
    return [
        Failpoint("web", "before an order commits", "after", f"{attempt}.parameters", "buying"),
        Failpoint("web", "after an order commits", "before", f"{attempt}.settle", "buying"),
        Failpoint(
            "web", "before a cancel commits", "after", "nexus.orders.services.transitions:move_orders", "cancelling"
        ),
        Failpoint("web", "after a cancel commits", "after", "nexus.web.answers:SqlAnswers.once", "cancelling"),
        Failpoint(
            "web", "before a product commits", "after", "nexus.eventbus.stores.mongo:MongoStore.append", "renaming"
        ),
        Failpoint(
            "web", "after a product commits", "after", "nexus.eventbus.stores.mongo:MongoStore.transact", "renaming"
        ),
    ]


def _relay(log: str, reader: str, holding: str, story: str) -> list[Failpoint]:
    publisher = "nexus.eventbus.backends.celery.publisher:Publisher"
    steps: list[tuple[str, Literal["before", "after"], str]] = [
        ("before publishing", "before", f"{publisher}.__call__"),
        ("before confirms", "after", f"{publisher}._send"),
        ("after confirms", "after", f"{publisher}.__call__"),
        ("after the cursor", "after", f"{reader}.advance"),
    ]
    return [Failpoint("relay", f"of {log} {place}", moment, at, story, holding) for place, moment, at in steps]


def _sweeps() -> list[Failpoint]:
    inventory, orders = "nexus.inventory.services", "nexus.orders.services"
    return [
        Failpoint("relay", "before an expiry commits", "after", f"{inventory}.expire:settle", "expiring"),
        Failpoint("relay", "after an expiry commits", "after", f"{inventory}.expire:_expire", "expiring"),
        Failpoint("relay", "before driving on commits", "after", f"{orders}.overdue:move_orders", "driving on"),
        Failpoint("relay", "after driving on commits", "after", f"{orders}.overdue:_drive_on", "driving on"),
        Failpoint("relay", "amid reconciling", "before", f"{inventory}.reconcile:_forget_the_impossible", "mending"),
    ]


def _worker(subscriber: str, kind: str, event: str) -> list[Failpoint]:
    delivery = "nexus.eventbus.delivery"
    steps: list[tuple[str, Literal["before", "after"], str, str]] = [
        ("on receipt", "before", "nexus.eventbus.backends.celery.delivering:deliver", kind),
        ("after the claim", "before", f"{delivery}:_call", event),
        ("after the effect", "after", f"{delivery}:_call", event),
        ("after the commit", "after", f"{delivery}:_try", kind),
        ("after the ack", "after", "celery.worker.request:Request.acknowledge", ""),
    ]
    return [
        Failpoint(f"worker {subscriber}", place, moment, at, "buying", holding) for place, moment, at, holding in steps
    ]


FAILPOINTS = [
    *_web(),
    *_relay("orders", "nexus.eventbus.stores.postgres:PostgresReader", PLACED, "buying"),
    *_relay("inventory", "nexus.eventbus.stores.postgres:PostgresReader", RESERVED, "buying"),
    *_relay("catalog", "nexus.eventbus.stores.mongo:MongoReader", OFFER, "renaming"),
    *_sweeps(),
    *_worker("inventory", PLACED, "OrderPlaced"),
    Failpoint("worker inventory", "before the cache", "before", "nexus.inventory.cache:keep_newest", "buying"),
    Failpoint("worker inventory", "after the cache", "after", "nexus.inventory.cache:keep_newest", "buying"),
    *_worker("orders", RESERVED, "StockReserved"),
    *_worker("catalog", LEVEL, "StockLevelChanged"),
]
