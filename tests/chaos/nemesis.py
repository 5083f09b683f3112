"""
What is done to the shop, in an order that a seed makes up.

Each fault mends what it broke before it returns, as far as that is not the supervisor's work; faults follow each other
by `SHORTEST_GAP` at least, because a relay that is killed while it starts never sends anything.
"""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import redis
from kombu import Connection

from nexus.eventbus.backends.celery.topology import Topology
from tests.chaos.shop import CREWS, RELAYS, Shop
from tests.eventually import eventually

SHORTEST_GAP, LONGEST_GAP = 1.5, 2.5
BINDINGS = ("inventory orders.order-placed.v1", "orders inventory.stock-reserved.v1")
"""Of events that one subscriber alone hears: the loss of one of several bindings of a type nobody is told of."""


@dataclass(frozen=True)
class Fault:
    """Something done to a target, so many seconds after the last thing."""

    kind: str
    target: str
    gap: float

    def __str__(self) -> str:
        return f"{self.kind} {self.target}".strip()


def kill_broker(shop: Shop, _: str, pause: float) -> None:
    shop.broker.kill()
    shop.broker.start()


def kill_process(shop: Shop, name: str, pause: float) -> None:
    shop.signal(name, signal.SIGKILL)


def kill_pool_child(shop: Shop, name: str, pause: float) -> None:
    # A crew that is being started has none yet.
    for child in eventually(lambda: shop.children(name), within=60)[:1]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def pause_process(shop: Shop, name: str, pause: float) -> None:
    shop.signal(name, signal.SIGSTOP)
    try:
        time.sleep(pause)
    finally:
        shop.signal(name, signal.SIGCONT)


def pause_broker(shop: Shop, _: str, pause: float) -> None:
    shop.broker.pause()
    try:
        time.sleep(pause)
    finally:
        shop.broker.go_on()


def end_worker(shop: Shop, name: str, pause: float) -> None:
    shop.end(name)


def close_connections(shop: Shop, _: str, pause: float) -> None:
    shop.broker.control("close_all_connections", "chaos")


def unbind(shop: Shop, target: str, pause: float) -> None:
    with unbound(shop, target):
        time.sleep(pause / 10)


@contextmanager
def unbound(shop: Shop, target: str) -> Iterator[None]:
    """Without the binding of a subscriber and a type, for a while."""
    subscriber, kind = target.split()
    topology = Topology(shop.name)
    queue, exchange = topology.queue_name(subscriber), topology.events.name
    with Connection(shop.broker.url, connect_timeout=10) as connection:
        channel = connection.default_channel
        channel.queue_unbind(queue, exchange, kind)
        try:
            yield
        finally:
            channel.queue_bind(queue, exchange, kind)


def alarm_memory(shop: Shop, _: str, pause: float) -> None:
    shop.broker.control("set_vm_memory_high_watermark", "0")
    try:
        time.sleep(pause)
    finally:
        shop.broker.control("set_vm_memory_high_watermark", "0.4")


def flush_redis(shop: Shop, _: str, pause: float) -> None:
    with redis.Redis.from_url(shop.environment()["NEXUS_REDIS_URL"]) as client:
        client.flushall()


def kill_engine(shop: Shop, name: str, pause: float) -> None:
    shop.start_engine(shop.kill_engine(name))


def cut_postgres(shop: Shop, _: str, pause: float) -> None:
    ours = "datname LIKE %s AND pid <> pg_backend_pid()"
    shop.sql("orders", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}", f"{shop.name}%")


Inflict = Callable[[Shop, str, float], None]
KINDS: dict[str, tuple[Inflict, Sequence[str]]] = {
    "kill broker": (kill_broker, [""]),
    "kill relay": (kill_process, RELAYS),
    "kill workers": (kill_process, CREWS),
    "kill pool child": (kill_pool_child, CREWS),
    "kill web": (kill_process, ["web"]),
    "pause relay": (pause_process, RELAYS),
    "pause workers": (pause_process, CREWS),
    "pause broker": (pause_broker, [""]),
    "end worker": (end_worker, CREWS),
    "close connections": (close_connections, [""]),
    "unbind": (unbind, BINDINGS),
    "memory alarm": (alarm_memory, [""]),
    "flush redis": (flush_redis, [""]),
    "kill redis": (kill_engine, ["valkey"]),
    "kill mongo": (kill_engine, ["mongo"]),
    "cut postgres": (cut_postgres, [""]),
}
"""What can be done, and to whom."""


def schedule(seed: int, faults: int) -> list[Fault]:
    """The same faults for the same seed: every kind once before any comes again."""
    dice, kinds = random.Random(f"faults {seed}"), list[str]()
    while len(kinds) < faults:
        kinds += dice.sample(list(KINDS), len(KINDS))
    return [
        Fault(kind=kind, target=dice.choice(KINDS[kind][1]), gap=dice.uniform(SHORTEST_GAP, LONGEST_GAP))
        for kind in kinds[:faults]
    ]


def inflict(shop: Shop, fault: Fault, *, pause: float) -> None:
    """Do it and mend it; `pause` is how many seconds whatever is stopped stays so."""
    KINDS[fault.kind][0](shop, fault.target, pause)


def by_kind(faults: Sequence[Fault]) -> dict[str, int]:
    """How many there are of each kind."""
    return dict(sorted(Counter(fault.kind for fault in faults).items()))
