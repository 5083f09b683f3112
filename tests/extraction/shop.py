"""The monolith as `make run SHAPE=monolith` runs it, on engines that are gone afterwards, and a witness in it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.shop import Shop
from tests.eventually import eventually
from tests.extraction.sabotage import WITHOUT
from tests.extraction.session import end_what_is_left
from tests.journeys.system import ROOT, System
from tests.ports import free_port
from tests.rabbitmq import some_rabbitmq

WATCHING = Path(__file__).parent / "watching"
SUPERVISED = [sys.executable, "-m", "nexus.embedded.supervised"]


class LeavableShop(Shop):
    """Its data of inventory may be at either of two servers."""

    def __init__(self, home: Path, *, broker_url: str, without: str = "") -> None:
        System.__init__(self, home, broker_url=broker_url)
        self.without = without
        self.apart_port = free_port()

    def open(self) -> None:
        self.start_engines()
        self.manage("prepare", "--roles")
        self.launch("shop", command=[*SUPERVISED, "monolith", str(self.port)])
        self.manage("demo", "--size", "tiny")
        eventually(lambda: self.answers("/livez"), within=120)

    def close(self) -> None:
        if shop := self.processes.pop("shop", None):
            shop.terminate()
            shop.wait(30)
        self.stop()
        end_what_is_left(self.home)

    def environment(self) -> dict[str, str]:
        found = System.environment(self) | {"PYTHONPATH": str(WATCHING), "NEXUS_PORT": str(self.port)}
        found |= {"APART_PORT": str(self.apart_port), "NEXUS_RESERVATION_HOURS": "72"}
        return found | ({WITHOUT: self.without} if self.without else {})

    def sql(self, app: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(f"{self._server_of(app)}_{app}") as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def verify(self, *, within: float) -> list[dict[str, Any]]:
        """Over all of it, wherever inventory's data is."""
        place = {"NEXUS_SERVICES": "", "NEXUS_POSTGRES_ELSEWHERE": f"inventory={self._server_of('inventory')}"}
        words = [sys.executable, "manage.py", "verify", "--json", "--within", str(within)]
        done = subprocess.run(
            words, env=self.environment() | place, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.stdout.startswith("["), done.stdout + done.stderr
        return [finding for finding in json.loads(done.stdout) if finding["count"]]

    def _server_of(self, app: str) -> str:
        """The address of the server that lets us into the app's database."""
        ours = System.environment(self)["NEXUS_POSTGRES_URL"]
        address = self.home / "inventory.address"
        if app == "inventory" and address.exists() and (apart := address.read_text().strip()):
            try:
                psycopg.connect(f"{apart}_{app}").close()
            except psycopg.OperationalError:
                return ours
            return apart
        return ours


@contextmanager
def leavable_shop(home: Path, *, without: str = "") -> Iterator[LeavableShop]:
    """A shop with everything in one project, which is gone afterwards."""
    with some_rabbitmq() as broker:
        shop = LeavableShop(home, broker_url=broker, without=without)
        try:
            shop.open()
            yield shop
        finally:
            shop.close()
