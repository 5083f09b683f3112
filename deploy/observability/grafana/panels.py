"""What the dashboards show, and what each panel asks of Prometheus; `make_dashboards.py` makes Grafana's JSON of it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Panel:
    """A chart: what it shows, in which unit, and its queries by legend. Where `bound` is given, red begins there."""

    title: str
    unit: str
    queries: Mapping[str, str]
    about: str = ""
    bound: float | None = None


def _rate(metric: str, by: str, where: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{where}[$__rate_interval]))"


def _quantile(share: float, metric: str, by: str = "", where: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{where}[$__rate_interval])))"


ORDERS = '{job="web", http_request_method="POST", http_route="/api/v1/orders", http_response_status_code=~"2.."}'
WEB = '{job="web"}'
ROUTE = "{{http_request_method}} {{http_route}}"

SHOP = [
    Panel(
        "Orders placed",
        "reqps",
        {"orders": f"sum(rate(http_server_request_duration_seconds_count{ORDERS}[$__rate_interval]))"},
    ),
    Panel(
        "Attempts to order that succeed",
        "percentunit",
        {"last 5 min": "1 - checkout:failure_ratio:rate5m", "last hour": "1 - checkout:failure_ratio:rate1h"},
        about="Promised: 99.9 %. What customers did wrong counts as success.",
    ),
    Panel(
        "Budgets: times the allowed rate of failures",
        "none",
        {"checkout": "checkout:failure_ratio:rate1h / 0.001", "verdicts": "verdicts:late_ratio:rate1h / 0.01"},
        about="1 uses up the budget of 30 days in 30 days; 14.4 in two, and wakes somebody.",
        bound=14.4,
    ),
    Panel(
        "From order to verdict",
        "s",
        {
            "half": _quantile(0.5, "nexus_saga_duration_seconds"),
            "99 of 100": _quantile(0.99, "nexus_saga_duration_seconds"),
        },
        bound=10,
    ),
    Panel("Verdicts", "reqps", {"{{outcome}}": "outcome:verdicts:rate5m"}),
    Panel("Orders overdue", "none", {"orders": "max(nexus_saga_stuck)"}, bound=1),
    Panel("Requests by route", "reqps", {ROUTE: "route:http_requests:rate5m"}),
    Panel("95 of 100 requests answered within", "s", {ROUTE: "route:http_request_seconds:p95_5m"}),
    Panel("99 of 100 requests answered within", "s", {ROUTE: "route:http_request_seconds:p99_5m"}),
    Panel("Failures (5xx) by route", "reqps", {ROUTE: "route:http_failures:rate5m"}),
    Panel("Requests with an Idempotency-Key", "reqps", {"{{result}}": _rate("nexus_idempotency_total", "result")}),
    Panel(
        "Wrong entries in copies of the stock levels",
        "none",
        {"{{store}}": "max by (store) (nexus_stock_drift)"},
        about="Found, and mended, in the last round of the reconciler.",
        bound=1,
    ),
    Panel(
        "Stock levels that came after newer ones",
        "reqps",
        {"stale": "sum(rate(nexus_cache_cas_rejected_total[$__rate_interval]))"},
        about="Refused by comparing versions. Some are normal: levels may overtake each other.",
    ),
    Panel(
        "Reservations that ran out",
        "reqps",
        {"expired": "sum(rate(nexus_reservation_expired_total[$__rate_interval]))"},
    ),
]

BUS = [
    Panel(
        "Age of the oldest event not handed on",
        "s",
        {"{{log}} > {{consumer}}": "max by (log, consumer) (nexus_outbox_oldest_age_seconds)"},
        about="The first to look at.",
        bound=60,
    ),
    Panel("Events not handed on", "none", {"{{log}} > {{consumer}}": "max by (log, consumer) (nexus_outbox_pending)"}),
    Panel("99 of 100 events leave the log within", "s", {"{{log}}": "log:outbox_wait_seconds:p99_5m"}),
    Panel(
        "99 of 100 events take effect within",
        "s",
        {"{{subscriber}}": "subscriber:event_lag_seconds:p99_5m"},
        about="From being told on.",
        bound=5,
    ),
    Panel(
        "Messages at the broker",
        "none",
        {"{{subscriber}} {{state}}": "max by (subscriber, state) (nexus_queue_messages)"},
    ),
    Panel("Dead letters", "none", {"{{subscriber}}": "max by (subscriber) (nexus_dlq_depth)"}, bound=1),
    Panel("Events handed on", "reqps", {"{{log}} {{result}}": "log:events_published:rate5m"}),
    Panel("Events handed on, by type", "reqps", {"{{type}}": _rate("nexus_outbox_published_total", "type")}),
    Panel("Events delivered", "reqps", {"{{subscriber}} {{result}}": "subscriber:events_processed:rate5m"}),
    Panel(
        "Events delivered, by type",
        "reqps",
        {"{{subscriber}} {{type}}": _rate("nexus_inbox_processed_total", "subscriber, type")},
    ),
    Panel("95 of 100 batches handled within", "s", {"{{subscriber}}": "subscriber:batch_seconds:p95_5m"}),
    Panel("Chores", "reqps", {"{{chore}} {{result}}": _rate("nexus_chore_duration_seconds_count", "chore, result")}),
    Panel(
        "95 of 100 rounds of a chore done within",
        "s",
        {"{{chore}}": _quantile(0.95, "nexus_chore_duration_seconds", "chore")},
    ),
]

DOOR = [
    Panel(
        "Answers by status",
        "reqps",
        {
            "{{http_response_status_code}}": _rate(
                "http_server_request_duration_seconds_count", "http_response_status_code", WEB
            )
        },
        about="0 is a client that left before its answer.",
    ),
    Panel("Requests under way", "none", {"{{job}}": "sum by (job) (http_server_active_requests)"}),
    Panel("Beyond a caller's rate (429)", "reqps", {"{{policy}}": _rate("nexus_ratelimit_rejected_total", "policy")}),
    Panel("Sent away because too much waits", "reqps", {"{{reason}}": _rate("nexus_shed_total", "reason")}),
    Panel("Answers 503, by the problem's code", "reqps", {"{{code}}": _rate("nexus_unavailable_total", "code")}),
    Panel(
        "Public reads, by where the answer was kept",
        "reqps",
        {"{{about}} {{source}}": _rate("nexus_kept_answers_total", "about, source")},
    ),
    Panel(
        "Requests to services",
        "reqps",
        {
            "{{service}} {{http_response_status_code}}": _rate(
                "http_client_request_duration_seconds_count", "service, http_response_status_code"
            )
        },
    ),
    Panel(
        "99 of 100 services' answers begin within",
        "s",
        {"{{service}}": _quantile(0.99, "http_client_request_duration_seconds", "service")},
    ),
    Panel(
        "Share of a service's instances that are not asked",
        "percentunit",
        {"{{target}}": "max by (target) (nexus_breaker_state)"},
        bound=1,
    ),
    Panel("Breakers", "reqps", {"{{target}} {{to}}": _rate("nexus_breaker_transitions_total", "target, to")}),
    Panel(
        "Tried once more, and forbidden to be",
        "reqps",
        {
            "{{target}} tried": _rate("nexus_retries_total", "target"),
            "{{target}} forbidden": _rate("nexus_retry_budget_exhausted_total", "target"),
        },
    ),
    Panel(
        "Old answers for a service that is away", "reqps", {"{{target}}": _rate("nexus_stale_answers_total", "target")}
    ),
]

ENGINES = [
    Panel("Parts that could be asked", "none", {"{{part}}": "min by (part) (nexus_up)"}),
    Panel("Processes that answer Prometheus", "none", {"{{process}}": "sum by (process) (up)"}),
    Panel(
        "Pools: taken",
        "percentunit",
        {"{{job}} {{pool}}": "sum by (job, pool) (nexus_pool_in_use) / sum by (job, pool) (nexus_pool_size)"},
        bound=0.9,
    ),
    Panel("Pools: who waits", "none", {"{{job}} {{pool}}": "sum by (job, pool) (nexus_pool_waiting)"}),
    Panel(
        "Postgres: connections",
        "none",
        {
            "{{database}} {{state}}": "max by (database, state) (nexus_postgres_connections)",
            "at most, all together": "max(nexus_postgres_connections_limit)",
        },
    ),
    Panel("Postgres: waiting for locks", "none", {"{{database}}": "max by (database) (nexus_postgres_locks_waiting)"}),
    Panel("Postgres: size", "bytes", {"{{database}}": "max by (database) (nexus_postgres_bytes)"}),
    Panel("MongoDB: connections", "none", {"{{state}}": "max by (state) (nexus_mongo_connections)"}),
    Panel(
        "Redis: memory",
        "bytes",
        {"used": "max(nexus_redis_memory_bytes)", "at most": "max(nexus_redis_memory_limit_bytes)"},
    ),
    Panel("Redis: keys dropped", "reqps", {"dropped": "max(rate(nexus_redis_evicted_keys_total[$__rate_interval]))"}),
    Panel("Redis: clients", "none", {"clients": "max(nexus_redis_clients)"}),
    Panel(
        "RabbitMQ: messages",
        "none",
        {"ready": "sum(rabbitmq_queue_messages_ready)", "in workers' hands": "sum(rabbitmq_queue_messages_unacked)"},
    ),
    Panel("RabbitMQ: memory", "bytes", {"used": "sum(rabbitmq_process_resident_memory_bytes)"}),
    Panel("RabbitMQ: disk left", "bytes", {"free": "min(rabbitmq_disk_space_available_bytes)"}),
]

DASHBOARDS = {
    "shop": ("The shop", SHOP),
    "bus": ("The bus", BUS),
    "door": ("The door", DOOR),
    "engines": ("The engines", ENGINES),
}
