"""What holds in every shape."""

import secrets

import psycopg
import pytest

from tests.eventually import eventually
from tests.shapes.shop import ShapedShop, new_customer

PROBLEM = "application/problem+json"


class TestAnOrder:
    def test_is_confirmed_for_whoever_waits(self, shop: ShapedShop) -> None:
        answer = shop.order()

        assert (answer.status, answer.body["status"]) == (201, "confirmed"), answer.body

    def test_lowers_the_stock_and_the_product_follows(self, shop: ShapedShop) -> None:
        before = shop.available()

        shop.order(2)

        eventually(lambda: shop.available() == before - 2)
        eventually(lambda: shop.variant()["availability"]["available"] == before - 2)

    def test_is_placed_once_however_often_it_is_sent(self, shop: ShapedShop) -> None:
        key, customer = secrets.token_hex(8), shop.log_in("customer")

        answers = [shop.order(by=customer, Idempotency_Key=key, Prefer="") for _ in range(3)]

        path = f"/api/v1/orders/{answers[0].body['id']}"
        eventually(lambda: shop.call("GET", path, Authorization=customer).body["status"] == "confirmed")
        assert len({answer.body["id"] for answer in answers}) == 1
        assert [answer.headers.get("Idempotent-Replayed") for answer in answers[1:]] == ["true", "true"]

    def test_of_more_than_there_is_is_rejected_or_refused(self, shop: ShapedShop) -> None:
        before = shop.available()

        answer = shop.order(min(before + 1, 1000)) if before < 1000 else None

        assert answer is None or answer.status == 409 or answer.body["status"] == "rejected"
        eventually(lambda: shop.available() == before)

    def test_cancelled_gives_the_stock_back(self, shop: ShapedShop) -> None:
        before, customer = shop.available(), shop.log_in("customer")
        placed = shop.order(3, by=customer).body

        cancelled = shop.call("POST", f"/api/v1/orders/{placed['id']}/cancel", Authorization=customer)

        assert cancelled.body["status"] == "cancelled"
        eventually(lambda: shop.available() == before)

    def test_is_nobody_elses(self, shop: ShapedShop) -> None:
        placed = shop.order().body

        answer = shop.call("GET", f"/api/v1/orders/{placed['id']}", Authorization=new_customer(shop))

        assert (answer.status, answer.headers["Content-Type"]) == (404, PROBLEM)

    def test_names_each_field_at_fault(self, shop: ShapedShop) -> None:
        wanted = {"lines": [{"sku": shop.sku, "quantity": 0}, {"sku": "", "quantity": 1}]}

        answer = shop.call("POST", "/api/v1/orders", wanted, Authorization=shop.log_in("customer"))

        assert (answer.status, answer.headers["Content-Type"]) == (400, PROBLEM)
        assert {error["field"] for error in answer.body["errors"]} == {"lines.0.quantity", "lines.1.sku"}


class TestACustomer:
    def test_registers_buys_and_sees_what_was_bought(self, shop: ShapedShop) -> None:
        customer = new_customer(shop)

        placed = shop.order(by=customer).body

        listed = shop.call("GET", "/api/v1/orders", Authorization=customer).body["results"]
        assert [(each["id"], each["status"]) for each in listed] == [(placed["id"], "confirmed")]

    def test_without_a_token_buys_nothing(self, shop: ShapedShop) -> None:
        answer = shop.call("POST", "/api/v1/orders", {"lines": [{"sku": shop.sku, "quantity": 1}]})

        assert (answer.status, answer.headers["Content-Type"]) == (401, PROBLEM)

    def test_with_a_token_that_is_none_gets_nowhere(self, shop: ShapedShop) -> None:
        answer = shop.call("GET", "/api/v1/orders", Authorization="Bearer a.b.c")

        assert answer.status == 401

    def test_may_not_change_stock(self, shop: ShapedShop) -> None:
        answer = adjust(shop, 5, by=shop.log_in("customer"))

        assert answer == 403


class TestStaff:
    def test_receive_goods_that_customers_then_see(self, shop: ShapedShop) -> None:
        before = shop.available()

        assert adjust(shop, 50, by=shop.log_in("staff")) == 201

        eventually(lambda: shop.available() == before + 50)
        eventually(lambda: shop.variant()["availability"]["available"] == before + 50)

    def test_change_a_price_that_the_next_order_pays(self, shop: ShapedShop) -> None:
        product, staff = shop.product(), shop.log_in("staff")
        price = f"{1 + secrets.randbelow(900)}.50"
        variants = [
            {name: each[name] for name in ("sku", "name", "attributes", "prices") if name in each}
            | ({"prices": [{"amount": price, "currency": "EUR"}]} if each["sku"] == shop.sku else {})
            for each in product["variants"]
        ]

        answer = shop.call("PATCH", f"/api/v1/products/{product['slug']}", {"variants": variants}, Authorization=staff)

        assert answer.status == 200, answer.body
        eventually(lambda: shop.order().body["lines"][0]["unit_price"] == price)


class TestTheDoor:
    def test_leads_to_what_the_original_called_it(self, shop: ShapedShop) -> None:
        customer = shop.log_in("customer")

        for path in ("/api/orders", "/api/products", "/api/inventory/locations", "/api/users/me"):
            assert shop.call("GET", path, Authorization=customer).status in (200, 403), path

    def test_describes_all_that_is_behind_it(self, shop: ShapedShop) -> None:
        described = shop.call("GET", "/api/schema", Accept="application/vnd.oai.openapi+json").body

        paths = described["paths"].keys()
        assert {"/api/v1/orders", "/api/v1/products", "/api/v1/accounts/me"} <= paths
        assert any(path.startswith("/api/v1/inventory/") for path in paths)

    def test_answers_probes(self, shop: ShapedShop) -> None:
        assert [shop.call("GET", path).status for path in ("/livez", "/readyz", "/startupz")] == [200] * 3

    def test_for_staff_is_where_the_greeting_says(self, shop: ShapedShop) -> None:
        assert shop.staff_page() == 200

    def test_says_not_modified(self, shop: ShapedShop) -> None:
        whole = "/api/v1/categories?page_size=100"
        first = shop.call("GET", whole)

        again = shop.call("GET", whole, If_None_Match=first.headers["ETag"])

        assert again.status == 304


class TestFigures:
    def test_tell_what_became_of_an_order(self, shop: ShapedShop) -> None:
        shop.order()

        for line in (
            'nexus_outbox_published_total{log="orders",result="ok",type="orders.order-placed.v1"}',
            'nexus_inbox_processed_total{result="applied",subscriber="inventory",type="orders.order-placed.v1"}',
            'nexus_saga_duration_seconds_count{outcome="confirmed"}',
        ):
            eventually(lambda line=line: shop.told(line), every=0.5)


class TestEverything:
    def test_is_filled_again_while_it_sells(self, shop: ShapedShop) -> None:
        """Whoever carries the events: the command waits until they are heard."""
        done = shop.manage("seed", "--size", "tiny", "--seed", "1")

        assert done.returncode == 0, done.stdout + done.stderr

    def test_turns_down_the_goods_of_another_shop(self, shop: ShapedShop) -> None:
        done = shop.manage("seed", "--size", "tiny", "--seed", "2")

        assert done.returncode == 1
        assert "Was this shop filled with another --seed?" in done.stderr
        assert "Traceback" not in done.stderr

    def test_keeps_its_promises(self, shop: ShapedShop) -> None:
        done = shop.manage("verify")

        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def roles(shop: ShapedShop) -> None:
    """Each database has a role of its own."""
    done = shop.manage("prepare", "--roles")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("roles")
class TestRoles:
    @pytest.mark.parametrize("app", ["accounts", "inventory", "orders"])
    def test_reach_their_own_data(self, shop: ShapedShop, app: str) -> None:
        with shop.connect(app, as_app=app) as connection:
            assert connection.execute("SELECT count(*) FROM event_log").fetchone()

    @pytest.mark.parametrize("app", ["accounts", "inventory", "orders"])
    def test_reach_nobody_elses(self, shop: ShapedShop, app: str) -> None:
        for other in {"accounts", "inventory", "orders"} - {app}:
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                shop.connect(other, as_app=app)

    def test_change_no_tables(self, shop: ShapedShop) -> None:
        with shop.connect("orders", as_app="orders") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("ALTER TABLE orders_order ADD COLUMN mine text")


def adjust(shop: ShapedShop, quantity: int, *, by: str) -> int:
    """The status of the answer to a delivery."""
    path = f"/api/v1/inventory/stock/{shop.sku}/adjustments"
    return shop.call("POST", path, {"quantity": quantity, "reason": "received"}, Authorization=by).status
