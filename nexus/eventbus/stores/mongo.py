"""
The store of an app on MongoDB: log, inbox and dead letters in multi-document transactions (a replica set is needed).

Positions come from one counter document that every append raises inside its transaction. Two appends at once conflict
on it and one retries, so positions become visible in order and without gaps: no late commit can be skipped.
"""

import secrets
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import pymongo
from pymongo import MongoClient, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from nexus.contracts.base import Envelope, Event
from nexus.eventbus.stores.base import Batch, ConcurrentChange
from nexus.eventbus.wire import Record, encode, record_of

R = TypeVar("R")
Document = dict[str, Any]
LEASE = timedelta(seconds=10)
DUPLICATE_KEY = 11000
MAJORITY = WriteConcern("majority", j=True)
PATIENCE = 5.0
"""Seconds that a transaction may take with all its tries; the driver alone would try for two minutes."""

_session: ContextVar[ClientSession | None] = ContextVar("nexus_mongo_session", default=None)


def current_session() -> ClientSession | None:
    """The transaction under way; every read and write that belongs to it passes this as ``session=``."""
    return _session.get()


class MongoStore:
    """Log, inbox and dead letters in one database; `database` is called on use, so that import connects nothing."""

    def __init__(self, database: Callable[[], Database[Document]]) -> None:
        self._database = database

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

    def transact(self, work: Callable[[], R], *, within: float = PATIENCE) -> R:
        """
        Run `work` in a transaction, again when the server asks for it; inside one, it simply joins.

        :raises ConnectionFailure: the server is away
        :raises ExecutionTimeout: it did not succeed `within` so many seconds
        """
        if _session.get() is not None:
            return work()

        def inside(session: ClientSession) -> R:
            token = _session.set(session)
            try:
                return work()
            finally:
                _session.reset(token)

        client: MongoClient[Document] = self.database.client
        # A server that is away already is told by the client's own, shorter patience.
        client.admin.command("ping")
        with pymongo.timeout(within), client.start_session() as session:
            return session.with_transaction(inside, read_concern=ReadConcern("snapshot"), write_concern=MAJORITY)

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
        rows = [_document(record_of(envelope), first + offset) for offset, envelope in enumerate(envelopes)]
        try:
            self.database["event_log"].insert_many(rows, session=session)
        except BulkWriteError as clash:
            # Anything but a taken sequence keeps its error labels, by which the driver retries the transaction.
            if all(error["code"] == DUPLICATE_KEY for error in clash.details["writeErrors"]):
                raise ConcurrentChange from clash
            raise

    def stream(self, subject: str) -> Sequence[Record]:
        return [_record(row) for row in self.database["event_log"].find({"subject": subject}).sort("sequence", 1)]

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

        return self.transact(claim_and_work)

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

    def count_told(self, types: Sequence[str]) -> int:
        return self.database["event_log"].count_documents({"type": {"$in": list(types)}})

    def count_heard(self, subscriber: str) -> int:
        took_effect = self.database["inbox"].count_documents({"_id": {"$regex": f"^{subscriber} "}})
        return took_effect + self.count_buried(subscriber)

    def count_buried(self, subscriber: str) -> int:
        return self.database["dead_letter"].count_documents({"subscriber": subscriber, "replayed_at": None})

    def reader(self, consumer: str) -> "MongoReader":
        return MongoReader(self.database, consumer)


class MongoReader:
    """Follows the log by a change stream; a lease that it renews keeps it the only one."""

    def __init__(self, database: Database[Document], consumer: str) -> None:
        self._database = database.with_options(read_concern=ReadConcern("majority"), write_concern=MAJORITY)
        self._consumer = consumer
        self._owner = secrets.token_hex(8)
        self._renewed = datetime.min.replace(tzinfo=UTC)
        self._position = -1
        self._changes: Any = None

    def acquire(self) -> bool:
        now = datetime.now(UTC)
        if now - self._renewed < LEASE / 3:
            return True
        free = {"_id": self._consumer, "$or": [{"owner": self._owner}, {"until": {"$lt": now}}]}
        lease = {"$set": {"owner": self._owner, "until": now + LEASE}}
        try:
            self._database["relay_lease"].update_one(free, lease, upsert=True)
        except DuplicateKeyError:
            self._position = -1
            return False
        self._renewed = now
        if self._position < 0:
            cursor = self._database["relay_cursor"].find_one({"_id": self._consumer})
            self._position = cursor["position"] if cursor else 0
        return True

    def read(self, *, limit: int) -> Batch:
        # The stream is opened before the first read, so that nothing can slip in between reading and waiting.
        if self._changes is None:
            self._changes = self._database["event_log"].watch(
                [{"$match": {"operationType": "insert"}}, {"$project": {"_id": 1, "documentKey": 1}}],
                max_await_time_ms=1000,
            )
        found = self._database["event_log"].find({"_id": {"$gt": self._position}}).sort("_id", 1).limit(limit)
        rows = list(found)
        position = rows[-1]["_id"] if rows else self._position
        return Batch(records=[_record(row) for row in rows], position=str(position))

    def advance(self, batch: Batch) -> None:
        self._position = int(batch.position)
        moved = {"$set": {"position": self._position, "moved_at": datetime.now(UTC)}}
        self._database["relay_cursor"].update_one({"_id": self._consumer}, moved, upsert=True)

    def wait(self, timeout: float) -> None:
        # Changes that were read meanwhile still stand in the stream: they are no reason to wake.
        while (change := self._changes.try_next()) is not None:
            if change["documentKey"]["_id"] > self._position:
                return

    def close(self) -> None:
        if self._changes is not None:
            self._changes.close()
        self._database["relay_lease"].delete_one({"_id": self._consumer, "owner": self._owner})


def _document(record: Record, position: int) -> Document:
    return {
        "_id": position,
        "id": str(record.id),
        "type": record.type,
        "subject": record.subject,
        "sequence": record.sequence,
        "time": record.time,
        "data": bytes(record.data).decode(),
        "correlation_id": record.correlationid,
        "causation_id": record.causationid,
        "traceparent": record.traceparent,
    }


def _record(row: Document) -> Record:
    return Record(
        specversion="1.0",
        id=UUID(row["id"]),
        type=row["type"],
        source=row["type"].partition(".")[0],
        subject=row["subject"],
        sequence=row["sequence"],
        time=row["time"].replace(tzinfo=UTC),
        data=msgspec.Raw(row["data"].encode()),
        correlationid=row["correlation_id"],
        causationid=row["causation_id"],
        traceparent=row["traceparent"],
    )
