"""Backup, destroy, restore: a shop is copied while it sells, all of it is lost, and comes back as it was."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from nexus.embedded.launcher import engines
from nexus.embedded.postgres import Postgres
from nexus.embedded.process import EngineProcess
from nexus.embedded.wheels import VARIABLES
from tests.embedded.owner import REPOSITORY
from tests.eventually import eventually

EMBEDDED = [sys.executable, "-m", "nexus.embedded"]
LOGS = {
    "orders": ["event_log", "orders_ordernote", "orders_placementclaim", "inbox"],
    "inventory": ["event_log", "inventory_ledgerentry", "inbox", "dead_letter"],
    "accounts": ["accounts_customer"],
}
"""Tables where nothing that is there ever changes while the trader trades."""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of its own, without the engines of the test run."""
    for name in (*VARIABLES, "DJANGO_SETTINGS_MODULE", "NEXUS_EVENT_BUS"):
        monkeypatch.delenv(name, raising=False)
    folder = Path(tempfile.mkdtemp(prefix="nexus-restore-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Trader:
    """The shop's process, and the orders that it has accepted."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.accepted: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.restore.trader"],
            cwd=REPOSITORY,
            env=os.environ | environment | {"DJANGO_SETTINGS_MODULE": "nexus.settings.monolith"},
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def has_accepted(self, count: int) -> bool:
        assert self._process.poll() is None, "the trader has ended"
        return len(self.accepted) >= count

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if line != "trading\n":
                self.accepted.append(line.strip())


def embedded(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*EMBEDDED, *words], cwd=REPOSITORY, capture_output=True, text=True, timeout=200)


def logs_at(url: str) -> dict[str, set[str]]:
    """Every row of the tables that are only added to."""
    found = {}
    for app, tables in LOGS.items():
        with psycopg.connect(f"{url}_{app}") as connection:
            for table in tables:
                found[f"{app}.{table}"] = {row for [row] in connection.execute(f"SELECT t::text FROM {table} AS t")}
    return found


@contextmanager
def running(engine: Postgres) -> Iterator[str]:
    """The engine for the length of a block; its address."""
    process = EngineProcess(engine=engine)
    process.launch()
    try:
        process.wait_until_ready()
        yield engine.url(port=process.port)
    finally:
        process.ask_to_stop()
        process.wait_until_stopped()


def placed_of(rows: dict[str, set[str]]) -> set[str]:
    events = [row.split(",") for row in rows["orders.event_log"]]
    return {row[3] for row in events if row[2] == "orders.order-placed.v1"}


def test_a_shop_comes_back_as_it_was_when_it_was_copied(home: Path) -> None:
    shop, copy = home / "var", home / "monday"
    with engines(var=shop, durable=False, announce=print) as addresses:
        trader = Trader({**addresses, "NEXUS_DEMO": "1", "NEXUS_VAR": str(shop)})
        eventually(lambda: trader.has_accepted(20), within=60)
        before = list(trader.accepted)
        backup = embedded("backup", "--var", str(shop), "--", str(copy))
        assert backup.returncode == 0, backup.stdout + backup.stderr
        after = len(trader.accepted)
        eventually(lambda: trader.has_accepted(after + 10))
        trader.stop()
        had = logs_at(addresses["NEXUS_POSTGRES_URL"])
    shutil.rmtree(shop)

    restored = embedded("restore", "--var", str(shop), "--", str(copy))

    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert "all as they were" in restored.stdout
    assert "every invariant holds" in restored.stdout
    # It was taken while orders came in, and is of one instant of that time.
    assert after > len(before)
    engine = Postgres(var=home / "copied", durable=False)
    engine.take_over(copy / "postgres")
    with running(engine) as url:
        has = logs_at(url)
    assert {name: rows - had[name] for name, rows in has.items()} == {name: set() for name in has}
    assert set(before) <= placed_of(has) < placed_of(had)
    assert all(has.values())
