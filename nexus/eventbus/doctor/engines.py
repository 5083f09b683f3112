"""Whether the engines answer, and are set up so that they keep their promises."""

import time
from collections.abc import Iterator

from django.conf import settings
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from nexus.eventbus.backends import BrokerAway
from nexus.eventbus.bus import backend
from nexus.eventbus.doctor.diagnosis import Diagnosis, broken, first_line_of, poorly, well

DURABLE = """
SELECT name FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name
"""
CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
MANY = 1000
"""Messages in a queue before somebody should look: each carries up to some hundred events."""
MOST_APART = 2.0
"""Seconds between our clock and the database's; tokens are forgiven ten."""


def look_at_databases() -> Iterator[Diagnosis]:
    """Every Postgres database of this process's apps."""
    for alias, each in settings.DATABASES.items():
        if each["ENGINE"].endswith("dummy"):
            continue
        part = f"database {connections[alias].settings_dict['NAME']}"
        try:
            yield from _look_at_database(part, alias)
        except OperationalError as why:
            advice = "Is Postgres running, and NEXUS_POSTGRES_URL right? `manage.py prepare` makes the databases."
            yield broken(part, f"does not answer: {first_line_of(why)}", advice)


def _look_at_database(part: str, alias: str) -> Iterator[Diagnosis]:
    began = time.monotonic()
    with connections[alias].cursor() as cursor:
        cursor.execute(CLOCK)
        [theirs] = cursor.fetchone()
        took = time.monotonic() - began
        cursor.execute(DURABLE)
        off = [name for [name] in cursor.fetchall()]
    if off:
        advice = "A power cut would lose orders that were accepted: switch it on in postgresql.conf."
        seen = f"{', '.join(off)} switched off"
        yield poorly(part, f"{seen}, as a demo may", advice) if settings.DEMO else broken(part, seen, advice)
    if abs(apart := theirs - time.time()) > MOST_APART:
        yield poorly(part, f"its clock is {apart:+.0f} s from ours", "Let both machines ask the same time server.")
    executor = MigrationExecutor(connections[alias])
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in missing[:3])
        yield broken(part, f"{len(missing)} migrations are not applied: {names}", "Run `manage.py prepare`.")
    else:
        yield well(part, f"answers in {1000 * took:.0f} ms, every migration applied")


def look_at_redis() -> Iterator[Diagnosis]:
    """The cache."""
    try:
        began = time.monotonic()
        get_redis_connection("default").ping()
    except RedisError as why:
        advice = "Is Redis running, and NEXUS_REDIS_URL right? Meanwhile stock is read from Postgres."
        yield poorly("Redis", f"does not answer: {first_line_of(why)}", advice)
    else:
        yield well("Redis", f"answers in {1000 * (time.monotonic() - began):.0f} ms")


def look_at_broker() -> Iterator[Diagnosis]:
    """The broker, where there is one, and what lies in its queues."""
    if backend().CARRIED_BY_WEB:
        return
    try:
        depths = backend().depths()
    except BrokerAway as why:
        advice = "Is the broker running, and its address right? Orders are accepted, and confirmed when it is back."
        yield poorly("broker", f"does not answer: {first_line_of(why)}", advice)
        return
    yield well("broker", f"answers, and has queues for {', '.join(sorted(depths)) or 'nobody'}")
    for subscriber, depth in sorted(depths.items()):
        if depth.set_aside:
            seen = f"{depth.set_aside} messages set aside, which no worker could read or survived"
            advice = f"See docs/dead-letters.md, then `manage.py bus dead {subscriber}`."
            yield broken(f"queue of {subscriber}", seen, advice)
        if depth.waiting > MANY:
            advice = f"Does `manage.py worker {subscriber}` run? More may run at once."
            yield poorly(f"queue of {subscriber}", f"{depth.waiting} messages wait", advice)
