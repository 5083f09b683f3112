"""Something to keep in the engines."""

from collections.abc import Mapping
from typing import Any

import psycopg
import redis
from pymongo import MongoClient

from nexus.embedded.identity import Identity


class Shelf:
    """One fact in each of the three engines."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses

    @property
    def _postgres(self) -> str:
        return self._addresses["NEXUS_POSTGRES_URL"].removesuffix("/nexus") + "/postgres"

    @property
    def _mongo(self) -> str:
        return self._addresses["NEXUS_MONGO_URL"]

    @property
    def _redis(self) -> str:
        return self._addresses["NEXUS_REDIS_URL"]

    def put(self, fact: str) -> None:
        with psycopg.connect(self._postgres) as postgres:
            postgres.execute("CREATE TABLE shelf (fact text)")
            postgres.execute("INSERT INTO shelf VALUES (%s)", [fact])
        with MongoClient[dict[str, Any]](self._mongo, w="majority") as mongo:
            mongo.get_default_database()["shelf"].insert_one({"fact": fact})
        with redis.Redis.from_url(self._redis, decode_responses=True) as valkey:
            valkey.set("shelf", fact)

    def read(self) -> dict[str, str]:
        with (
            psycopg.connect(self._postgres) as postgres,
            MongoClient[dict[str, Any]](self._mongo) as mongo,
            redis.Redis.from_url(self._redis, decode_responses=True) as valkey,
        ):
            return {
                "PostgreSQL": postgres.execute("SELECT fact FROM shelf").fetchone()[0],
                "MongoDB": mongo.get_default_database()["shelf"].find_one()["fact"],
                "Valkey": valkey.get("shelf"),
            }

    def postgres_setting(self, name: str) -> str:
        with psycopg.connect(self._postgres) as postgres:
            return postgres.execute("SELECT current_setting(%s)", [name]).fetchone()[0]

    def postgres_processes(self) -> set[Identity]:
        """The server's own children; the connection that asks is none of them by the time it is closed."""
        with psycopg.connect(self._postgres) as postgres:
            rows = postgres.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()").fetchall()
        return {identity for (pid,) in rows if (identity := Identity.of(pid=pid))}
