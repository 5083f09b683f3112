"""The original's sentences about services: each app in a process of its own, behind the gateway."""

from collections.abc import Iterator
from contextlib import contextmanager

from nexus.embedded.run import server_command
from tests.eventually import eventually
from tests.journeys.services import APPS, Services
from tests.ports import free_port

PATHS = {
    "accounts": ("/api/v1/accounts/me", "/api/users/me"),
    "catalog": ("/api/v1/products", "/api/products"),
    "inventory": ("/api/v1/inventory/locations", "/api/inventory/locations"),
    "orders": ("/api/v1/orders", "/api/orders"),
}


@contextmanager
def away(front: Services, *apps: str) -> Iterator[None]:
    """The web processes of these apps are gone meanwhile; on leaving, all are back and the gateway knows it."""
    for app in apps:
        front.kill(f"web of {app}")
    try:
        yield
    finally:
        for app in apps:
            front.start_again(f"web of {app}")
        for app in apps:
            eventually(lambda app=app: front.call("GET", PATHS[app][0]).status < 500, within=60)


def test_01_orders_serves_alone(front: Services) -> None:
    customer, sku = front.log_in("customer"), front.demo()["sku"]
    wanted = {"lines": [{"sku": sku, "quantity": 1}]}
    # The keys that verify tokens are known from here on.
    assert front.call("POST", "/api/v1/orders", wanted, Authorization=customer).status == 201

    with away(front, "accounts", "catalog", "inventory"):
        placed = front.call("POST", "/api/v1/orders", wanted, Authorization=customer)

    assert placed.status == 201


def test_05_stock_changes_while_inventory_takes_no_calls(front: Services) -> None:
    customer, sku = front.log_in("customer"), front.demo()["sku"]
    available = front.call("GET", f"/api/v1/inventory/stock/{sku}").body["available"]

    with away(front, "inventory"):
        wanted = {"lines": [{"sku": sku, "quantity": 1}]}
        placed = front.call("POST", "/api/v1/orders", wanted, Authorization=customer, Prefer="wait=20")

    assert placed.body["status"] == "confirmed"
    eventually(lambda: front.call("GET", f"/api/v1/inventory/stock/{sku}").body["available"] < available)


def test_06_products_are_read_while_inventory_and_orders_are_down(front: Services) -> None:
    with away(front, "inventory", "orders"):
        # A page that nobody has asked for yet: none that the gateway could have kept.
        answer = front.call("GET", "/api/v1/products?page_size=3&ordering=name")

    assert answer.status == 200
    assert "Cache-Status" not in answer.headers
    assert len(answer.body["results"]) == 3


def test_08_one_door_leads_to_every_service(front: Services) -> None:
    staff = front.log_in("staff")

    for app in APPS:
        for path in PATHS[app]:
            assert front.call("GET", path, Authorization=staff).status == 200, path


def test_09_the_door_refuses_bad_tokens_itself(front: Services) -> None:
    with away(front, "orders"):
        refused = front.call("GET", "/api/v1/orders", Authorization="Bearer not.a.token")

    assert refused.status == 401
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_10_the_door_limits_rates(front: Services) -> None:
    _, settings = front.commands["web of gateway"]
    narrow = Services(front.home, broker_url=front.broker_url)
    vars(narrow).update(vars(front) | {"port": free_port(), "commands": {}})
    narrow.adopt("narrow gateway", server_command(port=narrow.port), **settings | {"NEXUS_RATE_LIMIT": "5/600"})
    try:
        eventually(lambda: narrow.answers("/livez"), within=60)

        statuses = [narrow.call("GET", "/api/v1/categories", X_Forwarded_For=f"10.0.0.{n}").status for n in range(8)]
    finally:
        narrow.kill("narrow gateway")

    assert statuses == [200] * 5 + [429] * 3
