"""What only a shop of services has: documents joined, and neighbours that are away."""

from tests.eventually import eventually
from tests.journeys.services import Services
from tests.journeys.system import System


def test_the_document_of_all_services_is_that_of_the_monolith(services: Services, distributed: System) -> None:
    joined = services.call("GET", "/api/schema").body
    whole = distributed.call("GET", "/api/schema", Accept="application/vnd.oai.openapi+json").body

    assert joined["paths"].keys() == whole["paths"].keys()
    assert "did not answer" not in joined["info"].get("description", "")


def test_orders_are_placed_while_accounts_catalog_and_inventory_are_away(services: Services) -> None:
    """They need orders' database and nothing else; the token was made before, and its keys are known."""
    customer, sku = services.log_in("customer"), services.demo()["sku"]
    order = {"lines": [{"sku": sku, "quantity": 1}]}
    assert services.call("POST", "/api/v1/orders", order, Authorization=customer).status == 201
    products = services.call("GET", "/api/v1/products?page_size=2")
    away = [f"web of {app}" for app in ("accounts", "catalog", "inventory")]
    for name in away:
        services.kill(name)
    try:
        placed = services.call("POST", "/api/v1/orders", order, Authorization=customer, Prefer="wait=10")
        stale = services.call("GET", "/api/v1/products?page_size=2")
        login = services.call("POST", "/api/v1/accounts/token", services.demo()["customer"])
    finally:
        for name in away:
            services.start_again(name)

    assert (placed.status, placed.body["status"]) == (201, "confirmed")
    assert (stale.status, stale.body) == (200, products.body)
    assert stale.headers["Cache-Status"].startswith("nexus; hit")
    assert login.status == 503
    assert login.headers["Retry-After"]
    eventually(lambda: services.call("GET", "/api/v1/products").status == 200, within=60)
