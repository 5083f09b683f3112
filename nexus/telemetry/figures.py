"""
Every figure that is counted as things happen, in one table. Names are OpenTelemetry's where it has one
(https://opentelemetry.io/docs/specs/semconv), as Prometheus spells them; labels have few values: never a sku, an order,
a customer or an address.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry(auto_describe=True)
"""All of the below, for a process that is alone. What several processes counted is read from their folder."""

HTTP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
EVENT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(name, meaning, labels, registry=REGISTRY)


def _histogram(name: str, meaning: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(name, meaning, labels, buckets=buckets, registry=REGISTRY)


def _sum(name: str, meaning: str, *labels: str) -> Gauge:
    """Of processes that live, added up."""
    return Gauge(name, meaning, labels, registry=REGISTRY, multiprocess_mode="livesum")


def _most(name: str, meaning: str, *labels: str) -> Gauge:
    """The highest of processes that live."""
    return Gauge(name, meaning, labels, registry=REGISTRY, multiprocess_mode="livemax")


# -- Requests: rate, errors, duration
requests = _histogram(
    "http_server_request_duration_seconds",
    "From the request's head to the answer's end; by route, without ids",
    "http_request_method",
    "http_route",
    "http_response_status_code",
    buckets=HTTP_SECONDS,
)
requests_under_way = _sum("http_server_active_requests", "Requests not answered yet")
calls = _histogram(
    "http_client_request_duration_seconds",
    "From asking a service to the beginning of its answer; status 0 when there was none",
    "service",
    "http_response_status_code",
    buckets=HTTP_SECONDS,
)

# -- The door
shed = _counter("nexus_shed_total", "Requests sent away because too much waits already", "reason")
rate_limited = _counter("nexus_ratelimit_rejected_total", "Requests beyond a caller's rate", "policy")
unavailable = _counter("nexus_unavailable_total", "Answers 503 by the problem's code", "code")
breaker_state = _most("nexus_breaker_state", "Share of a service's instances that are not asked, 0 to 1", "target")
breaker_moves = _counter(
    "nexus_breaker_transitions_total", "Breakers that opened, half opened or closed", "target", "to"
)
retries = _counter("nexus_retries_total", "Requests to a service tried once more", "target")
budget_exhausted = _counter("nexus_retry_budget_exhausted_total", "Retries that the budget forbade", "target")
stale = _counter("nexus_stale_answers_total", "Old answers given because a service is away", "target")
idempotency = _counter("nexus_idempotency_total", "Requests with a key: new, replay or mismatch", "result")
kept_answers = _counter("nexus_kept_answers_total", "Public reads: nearby, redis or made", "about", "source")

# -- Pools: utilization and saturation
pool_size = _sum("nexus_pool_size", "Places of a pool of threads or connections", "pool")
pool_in_use = _sum("nexus_pool_in_use", "Places that are taken", "pool")
pool_waiting = _sum("nexus_pool_waiting", "Who waits for a place", "pool")

# -- The bus
published = _counter("nexus_outbox_published_total", "Events of a log handed on: ok or failed", "log", "type", "result")
outbox_wait = _histogram(
    "nexus_outbox_wait_seconds", "From an event's being told to its being handed on", "log", buckets=EVENT_SECONDS
)
processed = _counter(
    "nexus_inbox_processed_total",
    "Events delivered: applied, duplicate, ignored, buried or waiting",
    "subscriber",
    "type",
    "result",
)
event_lag = _histogram(
    "nexus_event_lag_seconds", "From an event's being told to its effect", "subscriber", buckets=EVENT_SECONDS
)
processing = _histogram(
    "messaging_process_duration_seconds", "One batch of a message", "subscriber", "type", buckets=EVENT_SECONDS
)
chores = _histogram("nexus_chore_duration_seconds", "One round of a chore", "chore", "result", buckets=EVENT_SECONDS)

# -- The shop
saga = _histogram(
    "nexus_saga_duration_seconds", "From an order's being placed to its verdict", "outcome", buckets=EVENT_SECONDS
)
expired = _counter("nexus_reservation_expired_total", "Reservations that ran out")
drift = _most("nexus_stock_drift", "Entries of a copy of the stock levels found wrong in the last round", "store")
shares = _counter("nexus_shares_total", "Pieces sent to and arrived from a region; skus asked of it", "region", "what")
cache_rejected = _counter("nexus_cache_cas_rejected_total", "Stock levels that came to the cache after newer ones")
