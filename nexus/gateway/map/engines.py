"""What is asked of each engine and each app's store, once a second: small, bounded, by primary keys or counters."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from django.db import connections
from django_redis import get_redis_connection
from pymongo.errors import OperationFailure
from redis.exceptions import ResponseError

from nexus.eventbus.backends import Depth
from nexus.eventbus.bus import backend
from nexus.eventbus.registry import Member, members
from nexus.eventbus.stores.mongo import MongoStore
from nexus.eventbus.stores.postgres import PostgresStore
from nexus.gateway.map.plan import BUS, REDIS, store_of

# Writes alone: of reads the greatest part would be our own, and a quiet shop would never look it.
WRITTEN = """
SELECT (tup_inserted + tup_updated + tup_deleted)::bigint FROM pg_stat_database WHERE datname = current_database()
"""
WRITES = ("insert", "update", "delete")
HEAVY = ("metrics", "wiredTiger", "tcmalloc", "transactions", "locks", "repl", "logicalSessionRecordCache")
"""Sections of MongoDB's status that cost something and say nothing here."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Totals, which only rise: `work` is what was written or looked up. What waits is by consumer, or by subscriber."""

    work: int | None = None
    told: int | None = None
    heard: int | None = None
    buried: int | None = None
    backlog: dict[str, tuple[int, float]] = field(default_factory=dict)
    depths: dict[str, Depth] = field(default_factory=dict)


Question = Callable[[], Answer]


def questions() -> dict[str, Question]:
    """By the box that the answer is about; what an app's log says goes by the app's name."""
    found: dict[str, Question] = {REDIS: _redis, BUS: _broker}
    for name, member in members.items():
        found[name] = partial(_events, member)
        if isinstance(member.store, PostgresStore):
            found[store_of(name)] = partial(_postgres, member.store.database)
        elif isinstance(member.store, MongoStore):
            found[store_of(name)] = partial(_mongo, member.store)
    return found


def _postgres(alias: str) -> Answer:
    with connections[alias].cursor() as cursor:
        cursor.execute(WRITTEN)
        [written] = cursor.fetchone()
    return Answer(work=written)


def _mongo(store: MongoStore) -> Answer:
    store.database.command("ping")
    try:
        counters = store.database.command({"serverStatus": 1} | dict.fromkeys(HEAVY, 0))["opcounters"]
    except OperationFailure:
        # Who may only read and write is told nothing of the server; it answers all the same.
        return Answer()
    return Answer(work=sum(counters[kind] for kind in WRITES))


def _redis() -> Answer:
    redis = get_redis_connection("default")
    redis.ping()
    try:
        stats = redis.info("stats")
    except ResponseError:
        return Answer()
    return Answer(work=stats["keyspace_hits"] + stats["keyspace_misses"])


def _broker() -> Answer:
    return Answer(depths=backend().depths())


def _events(member: Member) -> Answer:
    told, heard = member.store.pulse()
    return Answer(
        told=told,
        heard=heard,
        buried=member.store.count_buried(member.name) if member.handlers else None,
        backlog={consumer: (count, age) for consumer, count, age in member.store.backlog()},
    )
