"""Backup, destroy, restore: a shop is copied while it sells, all of it is lost, and comes back as it was."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bson
import psycopg
import pytest
from pymongo import MongoClient

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

PASSING = {"relay_cursor", "relay_lease"}


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


Rows = dict[str, set[object]]


def logs_at(url: str) -> Rows:
    """Every row of the tables that are only added to."""
    found: Rows = {}
    for app, tables in LOGS.items():
        with psycopg.connect(f"{url}_{app}") as connection:
            for table in tables:
                found[f"{app}.{table}"] = {row for [row] in connection.execute(f"SELECT t::text FROM {table} AS t")}
    return found


def catalog_at(url: str) -> Rows:
    """Every document of the catalog, without what trade changes in it, and each index."""
    with MongoClient[Any](url) as client:
        database = client.get_default_database()
        found = {name: plain(database[name].find()) for name in database.list_collection_names() if name not in PASSING}
        for name in found:
            indexes = (index for index in database[name].list_indexes() if index["name"] != "_id_")
            found[name] = found[name] | plain(indexes)
    return found


def catalog_in(folder: Path) -> Rows:
    """The same in a copy."""
    described = bson.decode_all((folder / "indexes").read_bytes())
    return {
        each["collection"]: plain(bson.decode_all((folder / f"{each['collection']}.bson").read_bytes()))
        | plain(each["indexes"])
        for each in described
        if each["collection"] not in PASSING
    }


def plain(documents: Iterable[dict[str, Any]]) -> set[object]:
    found: set[object] = set()
    for document in documents:
        for variant in document.get("variants", ()):
            del variant["availability"]
        found.add(bson.encode(document))
    return found


def assert_between(before: Rows, copied: Rows, after: Rows) -> None:
    """What was there when the copying began is in it, and nothing that was never there."""
    assert before.keys() == copied.keys() == after.keys()
    assert {name: before[name] - rows for name, rows in copied.items()} == {name: set() for name in copied}
    assert {name: rows - after[name] for name, rows in copied.items()} == {name: set() for name in copied}


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


def test_a_shop_comes_back_as_it_was_when_it_was_copied(home: Path) -> None:
    shop, copy = home / "var", home / "monday"
    with engines(var=shop, durable=False, announce=print) as addresses:
        postgres, mongo = addresses["NEXUS_POSTGRES_URL"], addresses["NEXUS_MONGO_URL"]
        trader = Trader({**addresses, "NEXUS_DEMO": "1", "NEXUS_VAR": str(shop)})
        eventually(lambda: trader.has_accepted(20), within=60)
        before = logs_at(postgres), catalog_at(mongo)
        backup = embedded("backup", "--var", str(shop), "--", str(copy))
        assert backup.returncode == 0, backup.stdout + backup.stderr
        at_its_end = len(trader.accepted)
        eventually(lambda: trader.has_accepted(at_its_end + 10))
        trader.stop()
        after = logs_at(postgres), catalog_at(mongo)
    shutil.rmtree(shop)

    restored = embedded("restore", "--var", str(shop), "--", str(copy))

    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert "all as they were" in restored.stdout
    assert "every invariant holds" in restored.stdout
    engine = Postgres(var=home / "copied", durable=False)
    engine.take_over(copy / "postgres")
    with running(engine) as url:
        copied = logs_at(url), catalog_in(copy / "mongo")
    assert_between(before[0], copied[0], after[0])
    assert_between(before[1], copied[1], after[1])
    # It was taken while orders came in: some are younger than it.
    assert len(copied[0]["orders.event_log"]) < len(after[0]["orders.event_log"])
    assert all(copied[0].values())
