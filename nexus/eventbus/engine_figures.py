"""What the engines say of their use, for Prometheus: a few figures, each read in a moment when somebody asks."""

import logging
from collections.abc import Iterator

from django.conf import settings
from django.db import connections
from django_redis import get_redis_connection
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from pymongo.errors import OperationFailure

from nexus.eventbus.registry import members
from nexus.eventbus.side_by_side import ask_all
from nexus.eventbus.stores.mongo import MongoStore

log = logging.getLogger("nexus.eventbus.metrics")

HELD = "SELECT coalesce(state, 'other'), count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1"
MOST = "SELECT current_setting('max_connections')::int"
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
SIZE = "SELECT pg_database_size(current_database())"


class EngineCollector(Collector):
    """An engine that is away has no figures; that it is away `nexus_up` says."""

    def describe(self) -> list[Metric]:
        """Nothing is asked before somebody asks."""
        return []

    def collect(self) -> Iterator[Metric]:
        for engine, found in ask_all({"Postgres": _postgres, "Redis": _redis, "MongoDB": _mongo}).items():
            if isinstance(found, Exception):
                log.warning("no figures of %s: %s: %s", engine, type(found).__name__, found)
            else:
                yield from found


def _postgres() -> list[Metric]:
    held = GaugeMetricFamily("nexus_postgres_connections", "Connections to it", labels=["database", "state"])
    most = GaugeMetricFamily("nexus_postgres_connections_limit", "How many the server takes", labels=["database"])
    blocked = GaugeMetricFamily("nexus_postgres_locks_waiting", "Who waits for a lock", labels=["database"])
    size = GaugeMetricFamily("nexus_postgres_bytes", "Its size on disk", labels=["database"])
    for alias, each in settings.DATABASES.items():
        if each["ENGINE"].endswith("dummy"):
            continue
        name = connections[alias].settings_dict["NAME"]
        with connections[alias].cursor() as cursor:
            cursor.execute(HELD)
            for state, count in cursor.fetchall():
                held.add_metric([name, state], count)
            for family, query in ((most, MOST), (blocked, BLOCKED), (size, SIZE)):
                cursor.execute(query)
                family.add_metric([name], cursor.fetchone()[0])
    return [held, most, blocked, size]


def _redis() -> list[Metric]:
    told = get_redis_connection("default").info()
    return [
        GaugeMetricFamily("nexus_redis_memory_bytes", "What it uses", value=told["used_memory"]),
        GaugeMetricFamily("nexus_redis_memory_limit_bytes", "What it may use; 0: all", value=told["maxmemory"]),
        GaugeMetricFamily("nexus_redis_clients", "Connections to it", value=told["connected_clients"]),
        CounterMetricFamily("nexus_redis_evicted_keys", "Thrown out for want of memory", value=told["evicted_keys"]),
    ]


def _mongo() -> list[Metric]:
    held = GaugeMetricFamily("nexus_mongo_connections", "Connections to it", labels=["state"])
    store = next((each.store for each in members.values() if isinstance(each.store, MongoStore)), None)
    if store:
        try:
            told = store.database.client.admin.command("serverStatus")["connections"]
        except OperationFailure:
            # The role may not ask for that (clusterMonitor may): the other figures are none the worse.
            return []
        for state in ("current", "available"):
            held.add_metric([state], told[state])
    return [held]
