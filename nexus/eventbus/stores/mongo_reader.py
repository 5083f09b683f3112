"""Following a log in MongoDB, one reader at a time for each consumer."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from nexus.eventbus.stores.base import Batch
from nexus.eventbus.wire import Record

Document = dict[str, Any]
LEASE = timedelta(seconds=10)
MAJORITY = WriteConcern("majority", j=True)


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
        return Batch(records=[record_from(row) for row in rows], position=str(position))

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


def record_from(row: Document) -> Record:
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


def document_of(record: Record, position: int) -> Document:
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
