"""Databases for an extracted app: on the engines of the environment under names of its own, else on new engines."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from pymongo import MongoClient
from redis import Redis

from nexus.embedded.throwaway import throwaway_engines
from tests.architecture.hidden_rules import APPS

POSTGRES, MONGO, REDIS = "NEXUS_POSTGRES_URL", "NEXUS_MONGO_URL", "NEXUS_REDIS_URL"
FIRST_REDIS = 8
"""Redis databases from here on are for extracted apps; those before it belong to whoever runs them."""


@contextmanager
def engines_of_its_own(*, app: str, var: Path) -> Iterator[dict[str, str]]:
    """
    Yield addresses, by environment variable, under which nobody else has data.

    Engines that the environment does not name start in ``var`` and end with the block; in the others everything that
    the app stored is dropped.
    """
    with throwaway_engines(parent=var, announce=lambda _: None) as started:
        addresses = {name: started.get(name) or os.environ[name] for name in (POSTGRES, MONGO, REDIS)}
        mine = renamed(addresses, app=app, unique=os.getpid())
        try:
            yield mine
        finally:
            _drop(mine, app=app)


def renamed(addresses: Mapping[str, str], *, app: str, unique: int) -> dict[str, str]:
    """The same engines with databases that are this app's and this run's alone."""
    name = f"alone_{unique}"
    return {
        POSTGRES: _with_path(addresses[POSTGRES], name),
        MONGO: _with_path(addresses[MONGO], f"{name}_{app}"),
        REDIS: _with_path(addresses[REDIS], str(FIRST_REDIS + APPS.index(app))),
    }


def _with_path(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _drop(addresses: Mapping[str, str], *, app: str) -> None:
    server = urlsplit(addresses[POSTGRES])
    password = os.environ.get("NEXUS_POSTGRES_PASSWORD") or server.password
    with psycopg.connect(
        urlunsplit(server._replace(path="/postgres")), password=password, autocommit=True
    ) as connection:
        for name in (f"{server.path[1:]}_{app}", f"test_{server.path[1:]}_{app}"):
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    with MongoClient(addresses[MONGO], password=os.environ.get("NEXUS_MONGO_PASSWORD") or None) as client:
        client.drop_database(client.get_default_database().name)
    with Redis.from_url(addresses[REDIS], password=os.environ.get("NEXUS_REDIS_PASSWORD") or None) as redis:
        redis.flushdb()
