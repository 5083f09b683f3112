"""A MongoDB replica set of three, each member a process with data of its own."""

import os
import signal
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from nexus.embedded.identity import Identity
from nexus.embedded.mongo import Mongo
from nexus.embedded.process import EngineProcess
from tests.eventually import eventually

MEMBERS = 3
SET = "rs0"
DATABASE = "nexus_catalog"


class Member(Mongo):
    """One of several: it answers before it knows the others."""

    def __init__(self, home: Path, number: int) -> None:
        super().__init__(var=home / f"mongo-{number}", durable=True)
        self.title = f"mongo-{number}"  # type: ignore[misc]
        self.process = EngineProcess(engine=self)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.process.port}"

    def ask(self, *, port: int) -> int:
        with self._client(port) as client:
            return int(client.admin.command("serverStatus")["pid"])

    def command_of_set(self, name: str, *values: Any, **options: Any) -> dict[str, Any]:
        with self._client(self.process.port) as client:
            return dict(client.admin.command(name, *values, **options))

    def launch(self) -> None:
        self.prepare()
        self.process = EngineProcess(engine=self)
        self.process.launch()

    def send(self, number: signal.Signals) -> None:
        if owner := Identity.read(file=self.record):
            os.kill(owner.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.process.wait_until_stopped()

    @staticmethod
    def _client(port: int) -> MongoClient[dict[str, Any]]:
        address = f"mongodb://127.0.0.1:{port}/?directConnection=true"
        return MongoClient(address, serverSelectionTimeoutMS=2000, socketTimeoutMS=5000)


class ReplicaSet:
    def __init__(self, home: Path) -> None:
        self.members = [Member(home, number) for number in range(1, MEMBERS + 1)]

    @property
    def url(self) -> str:
        return f"mongodb://{','.join(member.host for member in self.members)}/{DATABASE}?replicaSet={SET}"

    def start(self) -> None:
        for member in self.members:
            member.launch()
        for member in self.members:
            member.process.wait_until_ready()
        hosts = [{"_id": number, "host": member.host} for number, member in enumerate(self.members)]
        self.members[0].command_of_set("replSetInitiate", {"_id": SET, "members": hosts})
        eventually(lambda: self.primary() and self.count("SECONDARY") == MEMBERS - 1, within=90, every=0.2)

    def primary(self) -> Member | None:
        """The one that takes writes; none while they elect."""
        for member in self.members:
            try:
                if member.command_of_set("hello").get("isWritablePrimary"):
                    return member
            except PyMongoError:
                continue
        return None

    def count(self, state: str) -> int:
        """How many members the primary sees in a state."""
        primary = self.primary()
        seen = primary.command_of_set("replSetGetStatus")["members"] if primary else []
        return sum(member["stateStr"] == state for member in seen)

    def stop(self) -> None:
        for member in self.members:
            member.send(signal.SIGCONT)
            member.process.ask_to_stop()
        for member in self.members:
            member.process.wait_until_stopped()
