"""
Answers to keyed POSTs, kept in MongoDB for 24 hours.

A claim on the key is written first, so that a second request sees that the first is under way. The answer is then
written in one transaction with the effect, and only over the same claim: when the process dies the claim goes stale
and a retry takes it over, and should the first have been merely slow, its effect is rolled back.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from nexus.catalog.models.connection import IDEMPOTENCY_KEYS as COLLECTION
from nexus.catalog.models.connection import database, store
from nexus.contracts.errors import InProgress
from nexus.eventbus.stores.mongo import current_session
from nexus.web.answers import LIFETIME, Answer

STALE = timedelta(seconds=60)
# Made before there are threads: see `nexus.eventbus.wire`.
_answers = msgspec.json.Decoder(Answer)


class MongoAnswers:
    """The `AnswerStore` of an app on MongoDB."""

    def once(self, *, scope: str, key: str, work: Callable[[], Answer]) -> tuple[Answer, bool]:
        identity, token = f"{scope} {key}", secrets.token_hex(8)
        if kept := self._claim(identity, token):
            return kept, True
        try:
            return store.transact(lambda: self._work(identity, token, work)), False
        except BaseException:
            _keys().delete_one({"_id": identity, "token": token, "answer": None})
            raise

    def _claim(self, identity: str, token: str) -> Answer | None:
        """The kept answer, None once the key is ours."""
        now = datetime.now(UTC)
        free = {
            "_id": identity,
            "$or": [{"created_at": {"$lt": now - LIFETIME}}, {"answer": None, "created_at": {"$lt": now - STALE}}],
        }
        claim = {"$set": {"token": token, "answer": None, "created_at": now}}
        try:
            _keys().find_one_and_update(free, claim, upsert=True, return_document=ReturnDocument.AFTER)
        except DuplicateKeyError:
            return self._kept(identity)
        return None

    @staticmethod
    def _kept(identity: str) -> Answer:
        row = _keys().find_one({"_id": identity})
        if row is None or row["answer"] is None:
            raise InProgress
        return _answers.decode(row["answer"])

    @staticmethod
    def _work(identity: str, token: str, work: Callable[[], Answer]) -> Answer:
        answer = work()
        done = {"$set": {"answer": msgspec.json.encode(answer).decode()}}
        mine = {"_id": identity, "token": token, "answer": None}
        if not _keys().update_one(mine, done, session=current_session()).matched_count:
            # Somebody took us for dead and works on it: leave it to them, our effect is rolled back.
            raise InProgress
        return answer


def _keys() -> Collection[dict[str, Any]]:
    return database()[COLLECTION]


answers = MongoAnswers()
