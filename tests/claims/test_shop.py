"""The original's sentences that a shop of web, relay, workers and engines keeps, each with the engine's own eyes."""

import json
import os
import secrets
import signal
from typing import Any

import jwt
import pymongo
import redis
from kombu import Connection, Exchange, Queue

from tests.eventually import eventually
from tests.journeys.system import Answer
from tests.telemetry.collector import Collector
from tests.telemetry.observed import ObservedShop
from tests.telemetry.test_figures import REQUESTS, children_of

OF_THE_BUS = {"event_log", "inbox", "dead_letter", "relay_cursor", "stock_untold"}
OF_DJANGO = ("django_", "auth_", "oauth2_provider_", "web_", "idempotency")


def order(shop: ObservedShop, **headers: str) -> Answer:
    """One piece of what is for sale."""
    wanted = {"lines": [{"sku": shop.demo()["sku"], "quantity": 1}]}
    answer = shop.call("POST", "/api/v1/orders", wanted, Authorization=shop.log_in("customer"), **headers)
    assert answer.status == 201, answer.body
    return answer


def stock(shop: ObservedShop) -> dict[str, Any]:
    answer = shop.call("GET", f"/api/v1/inventory/stock/{shop.demo()['sku']}")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.body
    return found


def test_02_each_store_keeps_what_it_should(observed: ObservedShop) -> None:
    placed = order(observed, Prefer="wait=10").body
    sku, engines = observed.demo()["sku"], observed.environment()

    assert observed.sql("orders", "SELECT status FROM orders_order WHERE id = %s", placed["id"]) == [("confirmed",)]
    email = observed.demo()["customer"]["email"]
    assert observed.sql("accounts", "SELECT count(*) FROM accounts_customer WHERE email = %s", email) == [(1,)]
    with pymongo.MongoClient[dict[str, Any]](engines["NEXUS_MONGO_URL"]) as client:
        assert client.get_default_database()["products"].count_documents({"variants.sku": sku}) == 1
    with redis.Redis.from_url(engines["NEXUS_REDIS_URL"]) as cache:
        assert cache.hgetall(f"stock:{sku}").keys() >= {b"available", b"version"}


def test_03_no_database_has_anothers_tables(observed: ObservedShop) -> None:
    listed = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    tables = {app: {name for [name] in observed.sql(app, listed)} for app in ("accounts", "inventory", "orders")}

    for app, names in tables.items():
        own = {name for name in names if name.startswith(f"{app}_")}
        assert own, app
        assert {name for name in names - own - OF_THE_BUS if not name.startswith(OF_DJANGO)} == set(), app


def test_04_an_order_is_told_at_the_broker(observed: ObservedShop) -> None:
    namespace = observed.environment()["NEXUS_BUS_NAMESPACE"]
    events = Exchange(f"{namespace}.events", type="topic", durable=True)
    heard: list[str] = []
    with Connection(observed.broker_url) as connection, connection.channel() as channel:
        queue = Queue(f"listener.{secrets.token_hex(4)}", events, "orders.order-placed.v1", auto_delete=True)
        queue = queue(channel)
        queue.declare()

        placed = order(observed).body

        def has_come() -> bool:
            if message := queue.get(no_ack=True):
                [text] = message.payload[0]
                heard.extend(event["subject"] for event in json.loads(text))
            return placed["id"] in heard

        eventually(has_come, within=30)
        queue.delete()


def test_11_a_request_is_counted_traced_and_named(observed: ObservedShop, collector: Collector) -> None:
    trace_id, identity = secrets.token_hex(16), secrets.token_hex(16)
    about = {"http_route": "/api/v1/categories", "http_response_status_code": "200"}
    before = observed.figure("web", REQUESTS, **about)

    answer = observed.call(
        "GET",
        "/api/v1/categories",
        traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-01",
        X_Request_ID=identity,
    )

    assert answer.headers["X-Request-ID"] == identity
    eventually(lambda: observed.figure("web", REQUESTS, **about) == before + 1)
    [span] = eventually(lambda: collector.trace(trace_id), within=30)
    assert span.attributes["http.route"] == "/api/v1/categories"


def test_13_every_process_writes_lines_for_machines(observed: ObservedShop) -> None:
    names = ("web", "relay", "worker inventory")
    for name in names:
        observed.kill(name, signal.SIGTERM)
    observed.start(*names, NEXUS_LOG_FORMAT="ecs")
    try:
        placed = order(observed, Prefer="wait=20")
        identity = placed.headers["X-Request-ID"]

        def lines(name: str) -> list[dict[str, Any]]:
            written = (observed.home / f"{name.replace(' ', '-')}.log").read_text().splitlines()
            return [json.loads(line) for line in written if line.startswith('{"@timestamp"')]

        assert eventually(lambda: [each for each in lines("web") if each.get("labels.correlation_id") == identity])
        published = eventually(lambda: [each for each in lines("relay") if each.get("event.action") == "publish"])
        handled = eventually(lambda: [e for e in lines("worker inventory") if e.get("event.action") == "handle"])
        assert all(each["event.dataset"] == "nexus.batch" for each in published + handled)
    finally:
        for name in names:
            observed.kill(name, signal.SIGTERM)
        observed.start(*names)


def test_16_stock_survives_a_killed_worker(observed: ObservedShop) -> None:
    before = stock(observed)["available"]
    order(observed)
    for pid in (*children_of(observed.processes["worker inventory"].pid), observed.processes["worker inventory"].pid):
        os.kill(pid, signal.SIGKILL)
    observed.processes.pop("worker inventory").wait(30)
    order(observed)

    observed.start("worker inventory")

    eventually(observed.settled, within=60)
    eventually(lambda: stock(observed)["available"] == before - 2)
    assert observed.offenders() == []


def test_17_tokens_are_verified_by_published_keys(observed: ObservedShop) -> None:
    token = observed.log_in("customer").removeprefix("Bearer ")
    keys = jwt.PyJWKSet.from_dict(observed.call("GET", "/.well-known/jwks.json").body)
    head = jwt.get_unverified_header(token)

    claims = jwt.decode(token, keys[head["kid"]].key, algorithms=["RS256"], audience="nexus")

    assert head["alg"] == "RS256"
    assert claims["sub"]
    told = observed.call("GET", "/.well-known/openid-configuration").body
    assert told["authorization_endpoint"].endswith("/oauth/authorize")


def test_18_stock_is_read_from_redis_and_found_again_when_redis_forgets(observed: ObservedShop) -> None:
    stock(observed)
    assert stock(observed)["source"] == "cache"

    with redis.Redis.from_url(observed.environment()["NEXUS_REDIS_URL"]) as cache:
        cache.flushall()

    assert stock(observed)["source"] == "database"
    assert stock(observed)["source"] == "cache"
