"""
The store of an app on MongoDB: log, inbox and dead letters in multi-document transactions (a replica set is needed).

Positions come from one counter document that every append raises inside its transaction. Two appends at once conflict
on it and one retries, so positions become visible in order and without gaps: no late commit can be skipped.
"""

import heapq
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import fields
from datetime import UTC, datetime
from itertools import groupby
from typing import TypeVar
from uuid import UUID

import pymongo
from pymongo import MongoClient, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from nexus.contracts.base import Envelope, Event, first_uuid7
from nexus.eventbus.stores.base import Batch, ConcurrentChange, Letter
from nexus.eventbus.stores.mongo_contents import collections_of
from nexus.eventbus.stores.mongo_reader import MAJORITY, Document, MongoReader, document_of, record_from
from nexus.eventbus.wire import Record, encode, record_of

R = TypeVar("R")
DUPLICATE_KEY = 11000
PATIENCE = 5.0
"""Seconds that a transaction may take with all its tries; the driver alone would try for two minutes."""
TO_END = 1.0
"""Seconds beyond them to commit or give up: what nobody ends, the server keeps locked for a minute."""
AT_ONCE = 0.001

_session: ContextVar[ClientSession | None] = ContextVar("nexus_mongo_session", default=None)


def current_session() -> ClientSession | None:
    """The transaction under way; every read and write that belongs to it passes this as ``session=``."""
    return _session.get()


class MongoStore:
    """
    Log, inbox and dead letters in one database; `database` is called on use, so that import connects nothing.

    `whole` is the same database for questions about all there is, which take longer than others may.
    """

    def __init__(
        self, database: Callable[[], Database[Document]], *, whole: Callable[[], Database[Document]] | None = None
    ) -> None:
        self._database, self._whole = database, whole or database
        self.committed: Callable[[bool], None] = lambda _: None
        """Called after each commit; with True when a subscriber heard something, False when somebody changed it."""

    @property
    def database(self) -> Database[Document]:
        return self._database()

    def prepare(self) -> None:
        """Create collections and indexes; again does nothing."""
        log = self.database["event_log"]
        log.create_index([("subject", 1), ("sequence", 1)], unique=True)
        log.create_index("id", unique=True)
        self.database["dead_letter"].create_index([("subscriber", 1), ("event_id", 1)], unique=True)
        self.database["inbox"].create_index("processed_at")
        self.database["event_log_position"].update_one({"_id": "last"}, {"$setOnInsert": {"value": 0}}, upsert=True)

    def transact(self, work: Callable[[], R], *, within: float = PATIENCE, heard: bool = False) -> R:
        """
        Run `work` in a transaction, again when the server asks for it; inside one, it simply joins.

        :raises ConnectionFailure: the server is away
        :raises ExecutionTimeout: it did not succeed `within` so many seconds
        """
        if _session.get() is not None:
            return work()
        client: MongoClient[Document] = self.database.client
        # A server that is away already is told by the client's own, shorter patience.
        client.admin.command("ping")
        until = time.monotonic() + within

        def inside(session: ClientSession) -> R:
            token = _session.set(session)
            try:
                with pymongo.timeout(max(AT_ONCE, until - time.monotonic())):
                    return work()
            finally:
                _session.reset(token)

        with pymongo.timeout(within + TO_END), client.start_session() as session:
            done = session.with_transaction(inside, read_concern=ReadConcern("snapshot"), write_concern=MAJORITY)
        self.committed(heard)
        return done

    def append(self, envelopes: Sequence[Envelope[Event]]) -> None:
        if not envelopes:
            return
        session = _session.get()
        if session is None:
            raise RuntimeError("facts are told inside `transact`, with the change that they are about")
        counter = self.database["event_log_position"].find_one_and_update(
            {"_id": "last"}, {"$inc": {"value": len(envelopes)}}, session=session, return_document=ReturnDocument.AFTER
        )
        if counter is None:
            raise RuntimeError("the catalog's log is not prepared: run manage.py prepare")
        first = counter["value"] - len(envelopes) + 1
        rows = [document_of(record_of(envelope), first + offset) for offset, envelope in enumerate(envelopes)]
        try:
            self.database["event_log"].insert_many(rows, session=session)
        except BulkWriteError as clash:
            # Anything but a taken sequence keeps its error labels, by which the driver retries the transaction.
            if all(error["code"] == DUPLICATE_KEY for error in clash.details["writeErrors"]):
                raise ConcurrentChange from clash
            raise

    def stream(self, subject: str) -> Sequence[Record]:
        return self.streams([subject])

    def streams(self, subjects: Sequence[str]) -> Sequence[Record]:
        found = self.database["event_log"].find({"subject": {"$in": list(subjects)}})
        return [record_from(row) for row in found.sort([("subject", 1), ("sequence", 1)])]

    def all_streams(self) -> Iterator[Record]:
        return (record_from(row) for row in self._whole()["event_log"].find().sort([("subject", 1), ("sequence", 1)]))

    def history(
        self, types: Sequence[str] | None, *, after: str = "", since: datetime | None = None, size: int
    ) -> Iterator[Batch]:
        position = int(after or 0)
        last = self.database["event_log_position"].find_one({"_id": "last"}) or {"value": 0}
        wanted: Document = {} if types is None else {"type": {"$in": list(types)}}
        if since:
            wanted["id"] = {"$gte": str(first_uuid7(since))}
        while True:
            page = wanted | {"_id": {"$gt": position, "$lte": last["value"]}}
            rows = list(self.database["event_log"].find(page).sort("_id", 1).limit(size))
            if not rows:
                return
            position = rows[-1]["_id"]
            yield Batch(records=[record_from(row) for row in rows], position=str(position))

    def told(self, types: Sequence[str]) -> Iterator[UUID]:
        found = self._whole()["event_log"].find({"type": {"$in": list(types)}}, {"_id": 0, "id": 1})
        return (UUID(row["id"]) for row in found.sort("id", 1))

    def heard(self, subscriber: str) -> Iterator[UUID]:
        whole = self._whole()
        took_effect = whole["inbox"].find({"_id": {"$regex": f"^{subscriber} "}}, {"_id": 1}).sort("_id", 1)
        waiting = whole["dead_letter"].find({"subscriber": subscriber, "replayed_at": None}, {"event_id": 1})
        buried = (UUID(row["event_id"]) for row in waiting.sort("event_id", 1))
        # Both rise; what was buried by one delivery and applied by another is in both.
        both = heapq.merge((UUID(row["_id"].partition(" ")[2]) for row in took_effect), buried)
        return (identity for identity, _ in groupby(both))

    def apply_once(self, *, subscriber: str, ids: Sequence[UUID], work: Callable[[set[UUID]], None]) -> set[UUID]:
        def claim_and_work() -> set[UUID]:
            inbox, session = self.database["inbox"], current_session()
            keys = {f"{subscriber} {identity}": identity for identity in ids}
            for known in inbox.find({"_id": {"$in": list(keys)}}, session=session):
                del keys[known["_id"]]
            if keys:
                now = datetime.now(UTC)
                inbox.insert_many([{"_id": key, "processed_at": now} for key in keys], session=session)
                work(set(keys.values()))
            return set(keys.values())

        return self.transact(claim_and_work, heard=True)

    def bury(self, *, subscriber: str, record: Record, error: str) -> None:
        now = datetime.now(UTC)
        self.database["dead_letter"].with_options(write_concern=MAJORITY).update_one(
            {"subscriber": subscriber, "event_id": str(record.id)},
            {
                "$set": {"error": error, "last_failed_at": now, "replayed_at": None},
                "$setOnInsert": {"type": record.type, "event": encode([record]).decode(), "first_failed_at": now},
                "$inc": {"attempts": 1},
            },
            upsert=True,
        )

    def letters(self, subscriber: str) -> Sequence[Letter]:
        waiting = self.database["dead_letter"].find({"subscriber": subscriber, "replayed_at": None})
        names = [field.name for field in fields(Letter)]
        rows = ({name: row[name] for name in names} for row in waiting.sort("event_id", 1))
        return [Letter(**row | {"event_id": UUID(row["event_id"])}) for row in rows]

    def mark_replayed(self, *, subscriber: str, event_id: UUID) -> None:
        letter = {"subscriber": subscriber, "event_id": str(event_id)}
        self.database["dead_letter"].update_one(letter, {"$set": {"replayed_at": datetime.now(UTC)}})

    def list_buried(self, *, subscriber: str, ids: Sequence[UUID]) -> set[UUID]:
        waiting = {"subscriber": subscriber, "event_id": {"$in": [str(each) for each in ids]}, "replayed_at": None}
        return {UUID(letter["event_id"]) for letter in self.database["dead_letter"].find(waiting, {"event_id": 1})}

    def count_told(self, types: Sequence[str]) -> int:
        return self.database["event_log"].count_documents({"type": {"$in": list(types)}})

    def count_heard(self, subscriber: str, types: Sequence[str]) -> int:
        took_effect = self.database["inbox"].count_documents({"_id": {"$regex": f"^{subscriber} "}})
        waiting = {"subscriber": subscriber, "replayed_at": None, "type": {"$in": list(types)}}
        return took_effect + self.database["dead_letter"].count_documents(waiting)

    def count_buried(self, subscriber: str) -> int:
        return self.database["dead_letter"].count_documents({"subscriber": subscriber, "replayed_at": None})

    def pulse(self) -> tuple[int, int]:
        log, inbox = (self.database[name].estimated_document_count() for name in ("event_log", "inbox"))
        return log, inbox

    def heard_at(self, subscriber: str, ids: Sequence[UUID]) -> dict[UUID, datetime]:
        rows = self.database["inbox"].find({"_id": {"$in": [f"{subscriber} {each}" for each in ids]}})
        return {UUID(row["_id"].partition(" ")[2]): row["processed_at"].replace(tzinfo=UTC) for row in rows}

    def newest(self, kind: str, *, size: int) -> Sequence[Record]:
        found = self.database["event_log"].find({"type": kind}).sort("_id", -1).limit(size)
        return [record_from(row) for row in found]

    def cursors(self) -> Sequence[tuple[str, str, datetime]]:
        rows = self.database["relay_cursor"].find().sort("_id", 1)
        return [(row["_id"], str(row["position"]), row["moved_at"]) for row in rows]

    def forget(self, consumer: str) -> bool:
        return bool(self.database["relay_cursor"].delete_one({"_id": consumer}).deleted_count)

    def backlog(self) -> Sequence[tuple[str, int, float]]:
        found = []
        for consumer, position, _ in self.cursors():
            behind = {"_id": {"$gt": int(position)}}
            oldest = self.database["event_log"].find_one(behind, {"time": 1}, sort=[("_id", 1)])
            age = (datetime.now(UTC) - oldest["time"].replace(tzinfo=UTC)).total_seconds() if oldest else 0.0
            found.append((consumer, self.database["event_log"].count_documents(behind), age))
        return found

    def reader(self, consumer: str) -> MongoReader:
        return MongoReader(self.database, consumer)

    def contents(self, *, without: Sequence[str] = ()) -> Mapping[str, Callable[[], Iterator[bytes]]]:
        return collections_of(self.database, without=without)

    def inherit_position(self, consumer: str, *, of: Sequence[str]) -> bool:
        cursors = self.database.get_collection("relay_cursor", write_concern=MAJORITY)
        positions = [row["position"] for row in cursors.find({"_id": {"$in": list(of)}})]
        if not positions or len(positions) < len(of):
            return False
        begun = {"position": min(positions), "moved_at": datetime.now(UTC)}
        return cursors.update_one({"_id": consumer}, {"$setOnInsert": begun}, upsert=True).upserted_id is not None
