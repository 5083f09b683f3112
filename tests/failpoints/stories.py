"""What happens in the shop while something dies. Each story ends well, once, or fails."""

import secrets
from collections.abc import Callable

from redis import Redis

from tests.failpoints.shop import ORDERS, FragileShop

Story = Callable[[FragileShop, str], None]

RUN_OUT = "UPDATE inventory_reservation SET expires_at = now() WHERE order_id = %s RETURNING order_id"
GROW_OLD = """
UPDATE orders_order SET placed_at = placed_at - interval '1 hour', updated_at = updated_at - interval '1 hour'
WHERE id = %s RETURNING id
"""
GROW_YOUNG = "UPDATE orders_order SET placed_at = placed_at + interval '1 hour' WHERE id = %s RETURNING id"
OVERDUE = "SELECT id FROM event_log WHERE subject = %s AND type = 'orders.order-overdue.v1'"


def buy(shop: FragileShop, sku: str) -> None:
    """An order whose customer tries again until it is answered exists once and takes one piece."""
    before, orders = _left(shop, sku), shop.count_orders()

    order_id = _order(shop, sku)

    shop.until(lambda: shop.status_of(order_id) == "confirmed")
    shop.until(lambda: shop.levels(sku) == {before - 1})
    assert shop.count_orders() == orders + 1


def cancel(shop: FragileShop, sku: str) -> None:
    """A cancelled order is cancelled once and gives back what it took."""
    before = _left(shop, sku)
    order_id = _order(shop, sku)
    shop.until(lambda: shop.status_of(order_id) == "confirmed")

    path, key = f"{ORDERS}/{order_id}/cancel", secrets.token_hex(8)
    answer = shop.insist("POST", path, Authorization=shop.log_in("customer"), Idempotency_Key=key)

    assert (answer.status, answer.body["status"]) == (200, "cancelled"), answer.body
    shop.until(lambda: shop.levels(sku) == {before})


def expire(shop: FragileShop, sku: str) -> None:
    """A reservation that ran out expires once and gives back what it held."""
    before = _left(shop, sku)
    order_id = _order(shop, sku)
    shop.until(lambda: shop.status_of(order_id) == "confirmed")

    shop.sql("inventory", RUN_OUT, order_id)

    shop.until(lambda: shop.status_of(order_id) == "expired")
    shop.until(lambda: shop.levels(sku) == {before})


def drive_on(shop: FragileShop, sku: str) -> None:
    """An order that nobody decided on for too long is asked about again, and decided on once."""
    before = _left(shop, sku)
    shop.kill("worker inventory")
    order_id = _order(shop, sku)

    shop.sql("orders", GROW_OLD, order_id)
    shop.until(lambda: shop.sql("orders", OVERDUE, order_id))
    shop.sql("orders", GROW_YOUNG, order_id)
    shop.start("worker inventory")

    shop.until(lambda: shop.status_of(order_id) == "confirmed")
    shop.until(lambda: shop.levels(sku) == {before - 1})


def rename(shop: FragileShop, sku: str) -> None:
    """A product's new name is told once and gets into the price book."""
    [(before,)] = shop.sql("orders", "SELECT version FROM orders_price WHERE sku = %s", sku)
    name = f"Lamp {secrets.token_hex(4)}"

    path, staff = f"/api/v1/products/{shop.product_of(sku)['slug']}", shop.log_in("staff")
    answer = shop.insist("PATCH", path, {"name": name}, Authorization=staff)

    assert answer.status == 200, answer.body
    known = "SELECT version FROM orders_price WHERE sku = %s AND name LIKE %s || '%%'"
    shop.until(lambda: shop.sql("orders", known, sku, name) == [(before + 1,)])


def mend(shop: FragileShop, sku: str) -> None:
    """A level in the cache that comes from nowhere is taken out again."""
    before = _left(shop, sku)

    with Redis.from_url(shop.environment()["NEXUS_REDIS_URL"]) as redis:
        redis.hset(f"stock:{sku}", mapping={"available": 999_999, "version": 999_999})

    # Whoever asks for a level that is not in the cache puts it there.
    shop.until(lambda: shop.call("GET", f"/api/v1/inventory/stock/{sku}").body["available"] == before)
    shop.until(lambda: shop.levels(sku) == {before})


STORIES: dict[str, Story] = {
    "buying": buy,
    "cancelling": cancel,
    "expiring": expire,
    "driving on": drive_on,
    "renaming": rename,
    "mending": mend,
}


def _left(shop: FragileShop, sku: str) -> int:
    def agreed() -> set[int] | None:
        levels = shop.levels(sku)
        return levels if len(levels) == 1 else None

    found = shop.until(agreed)
    assert found
    return found.pop()


def _order(shop: FragileShop, sku: str) -> str:
    body, key = {"lines": [{"sku": sku, "quantity": 1}]}, secrets.token_hex(8)
    answer = shop.insist("POST", ORDERS, body, Authorization=shop.log_in("customer"), Idempotency_Key=key)
    assert answer.status == 201, answer.body
    order_id: str = answer.body["id"]
    return order_id
