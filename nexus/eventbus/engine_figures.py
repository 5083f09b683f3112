"""What the engines say of their use, for Prometheus: a few figures, each read in a moment when somebody asks."""

import logging
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import connections
from django_redis import get_redis_connection
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from nexus.eventbus.registry import members
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
        for look in (_postgres, _redis, _mongo):
            yield from _safely(look)


def _safely(look: Callable[[], list[Metric]]) -> list[Metric]:
    try:
        return look()
    except Exception as why:  # noqa: BLE001  whatever is wrong with an engine, the figures of the others are wanted
        log.warning("no figures: %s: %s", type(why).__name__, why)
        return []
    finally:
        connections.close_all()


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
        told = store.database.client.admin.command("serverStatus")["connections"]
        for state in ("current", "available"):
            held.add_metric([state], told[state])
    return [held]
