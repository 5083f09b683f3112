"""A shop under fire: every process supervised, a broker of its own, and hands to hurt it with."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pymongo import MongoClient
from pymongo.collection import Collection

from tests.chaos.witness import ABSORBED, TABLE
from tests.journeys.system import ROOT, WORKERS, System
from tests.rabbitmq import PrivateRabbitMQ

RELAYS = ("relay", "relay # standby")
# Two that write the same products hold each other up: MongoDB lets one of two transactions start anew.
CREWS = tuple(f"worker {name} --concurrency {1 if name == 'catalog' else 2}" for name in WORKERS)
"""A worker's process group: the one that consumes, and the children that work."""
RESTART_AFTER = 0.5

OLDEST_UNSENT = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(e.time)), 0)
FROM relay_cursor AS c JOIN event_log AS e
    ON (e.xid, e.id) > (split_part(c.position, ':', 1)::xid8, split_part(c.position, ':', 2)::uuid)
WHERE c.consumer LIKE '%% > rabbitmq %%'
"""


class Shop(System):
    """All processes that die are started again until `close`."""

    crews = CREWS

    def __init__(self, home: Path, *, broker: PrivateRabbitMQ) -> None:
        super().__init__(home, broker_url=broker.url)
        self.broker = broker
        self.without = ""
        """The guard that processes started from now on do without."""
        self.max_log_age = 0.0
        self._stopping = threading.Event()
        self._watchmen = [threading.Thread(target=self._supervise), threading.Thread(target=self._watch_log)]

    def open(self) -> None:
        """Start everything, with demo goods."""
        self.start_engines()
        self.manage("prepare")
        self.start(*RELAYS, *self.crews)
        self.manage("demo", "--size", "tiny")
        self.start("web")
        for watchman in self._watchmen:
            watchman.start()

    def close(self) -> None:
        self._stopping.set()
        for watchman in self._watchmen:
            if watchman.is_alive():
                watchman.join()
        self.stop()

    def environment(self) -> dict[str, str]:
        chosen = {"DJANGO_SETTINGS_MODULE": "tests.chaos.settings", "CHAOS_WITHOUT": self.without}
        return super().environment() | chosen

    # -- hands

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a process and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, number)

    def children(self, name: str) -> list[int]:
        """The processes that this one has started."""
        pid = self.processes[name].pid
        try:
            return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return []

    def end(self, name: str) -> None:
        """Ask a process to end and wait until it has."""
        process = self.processes[name]
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)

    def restart(self, *names: str) -> None:
        """Kill processes; the supervisor brings them back, with whatever is `without` by then."""
        for name in names:
            self.signal(name, signal.SIGKILL)

    # -- what can be seen from outside

    def verify(self, *, within: float) -> list[dict[str, Any]]:
        """What `manage.py verify` finds broken, each invariant given `within` seconds to become true."""
        words = [sys.executable, "manage.py", "verify", "--json", "--within", str(within)]
        done = subprocess.run(
            words, env=self.environment(), cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode in (0, 1), done.stderr
        assert done.stdout.startswith("["), done.stderr
        return [finding for finding in json.loads(done.stdout) if finding["count"]]

    def unsettled(self) -> int:
        """How many orders wait for their verdict."""
        return int(self.sql("orders", "SELECT count(*) FROM orders_order WHERE status = 'placed'")[0][0])

    def unheard(self) -> int:
        """How many stock levels catalog has yet to hear; no order waits for them, so nothing else shows it."""
        told = self.sql("inventory", "SELECT count(*) FROM event_log WHERE type = 'inventory.stock-level-changed.v1'")
        with self._witness_of_catalog() as rows:
            # Not the estimate: after a kill MongoDB has it wrong.
            return int(told[0][0]) - rows.count_documents({})

    def taken_effect(self, app: str) -> dict[str, int]:
        """How often each event took effect for the subscriber, as the witness saw it."""
        if app == "catalog":
            with self._witness_of_catalog() as rows:
                grouped = rows.aggregate([{"$group": {"_id": "$event_id", "times": {"$sum": 1}}}])
                return {row["_id"]: row["times"] for row in grouped}
        return dict(self.sql(app, f"SELECT event_id::text, count(*) FROM {TABLE} GROUP BY 1"))

    def absorbed(self) -> int:
        """How many events were delivered once more and did nothing."""
        file = self.home / ABSORBED
        return sum(map(int, file.read_text().split())) if file.exists() else 0

    def oldest_unsent(self) -> float:
        """Age in seconds of the oldest event in a Postgres log that the broker does not have yet."""
        return max(float(self.sql(app, OLDEST_UNSENT)[0][0]) for app in ("orders", "inventory"))

    @contextmanager
    def _witness_of_catalog(self) -> Iterator[Collection[dict[str, Any]]]:
        with MongoClient[dict[str, Any]](self.environment()["NEXUS_MONGO_URL"]) as client:
            yield client.get_default_database()[TABLE]

    # -- watchmen

    def _supervise(self) -> None:
        started = dict.fromkeys(self.processes, 0.0)
        while not self._stopping.wait(0.1):
            for name, process in list(self.processes.items()):
                if process.poll() is not None and time.monotonic() - started.get(name, 0.0) > RESTART_AFTER:
                    self.signal(name, signal.SIGKILL)
                    self.launch(name)
                    started[name] = time.monotonic()

    def _watch_log(self) -> None:
        while not self._stopping.wait(0.5):
            with contextlib.suppress(Exception):  # its connection may be the one that is cut
                self.max_log_age = max(self.max_log_age, self.oldest_unsent())


S = TypeVar("S", bound=Shop)


@contextmanager
def running_shop(home: Path, *, broker: PrivateRabbitMQ) -> Iterator[Shop]:
    """A shop with everything running, which is gone afterwards."""
    with opened(Shop(home, broker=broker)) as shop:
        yield shop


@contextmanager
def opened(shop: S) -> Iterator[S]:
    """The same with a shop of a kind of its own."""
    try:
        shop.open()
        yield shop
    finally:
        shop.broker.go_on()
        shop.close()
