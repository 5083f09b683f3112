"""
One shop that is upgraded and rolled back while customers are amid their business: at night only.

Between the stages it is shut as it is, so that what one version left under way is for the other to finish.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.eventually import eventually
from tests.journeys.system import Answer
from tests.mixed.mixes import SHOPS, STAGES
from tests.mixed.shop import MixedShop, running_mix
from tests.shapes.shop import ROOT

DELIVERED, ORDERED = 5, 2


@dataclass(frozen=True, kw_only=True)
class Business:
    """What customer and staff have begun, for another version to go on with."""

    customer: str
    staff: str
    refresh: str
    confirmed: list[str]
    key: str
    placed: dict[str, Any]
    received: dict[str, Any]
    left: int
    """How many pieces can be sold when all of it has come to rest."""


def begin(shop: MixedShop) -> Business:
    """Log in, sell, receive goods, and order something just before the shop is shut."""
    pair = shop.call("POST", "/api/v1/accounts/token", dict(shop.demo["customer"])).body
    customer, staff, key = f"Bearer {pair['access_token']}", shop.log_in("staff"), secrets.token_hex(8)
    confirmed = [shop.order(by=customer).body["id"] for _ in range(2)]
    left = shop.available()
    # A copy of the page that the next version finds in Redis.
    assert shop.product()["variants"]
    return Business(
        customer=customer,
        staff=staff,
        refresh=pair["refresh_token"],
        confirmed=confirmed,
        key=key,
        received=receive(shop, by=staff, key=key).body,
        placed=shop.order(ORDERED, by=customer, Idempotency_Key=key, Prefer="").body,
        left=left + DELIVERED - ORDERED,
    )


def go_on(shop: MixedShop, begun: Business) -> None:
    """Everything that was begun is known, and can be brought to its end."""
    again = shop.order(ORDERED, by=begun.customer, Idempotency_Key=begun.key, Prefer="")
    assert (again.body["id"], again.headers["Idempotent-Replayed"]) == (begun.placed["id"], "true")
    assert receive(shop, by=begun.staff, key=begun.key).body == begun.received
    eventually(lambda: step(shop, f"{again.body['id']}", by=begun.customer)["status"] == "confirmed")
    eventually(lambda: shop.available() == begun.left)
    eventually(lambda: shop.variant()["availability"]["available"] == begun.left)

    shipped, cancelled = begun.confirmed
    for deed in ("ship", "deliver", "return"):
        step(shop, f"{shipped}/{deed}", by=begun.staff)
    step(shop, f"{cancelled}/cancel", by=begun.customer)
    eventually(lambda: shop.available() == begun.left + 2)

    refreshed = shop.call("POST", "/api/v1/accounts/token/refresh", {"refresh_token": begun.refresh})
    assert refreshed.status == 200, refreshed.body
    listed = shop.call("GET", "/api/v1/orders", Authorization=f"Bearer {refreshed.body['access_token']}").body
    status = {each["id"]: each["status"] for each in listed["results"]}
    assert [status[each] for each in begun.confirmed] == ["returned", "cancelled"]


def step(shop: MixedShop, path: str, *, by: str) -> dict[str, Any]:
    """An order, looked at or taken a step further."""
    answer = shop.call("POST" if "/" in path else "GET", f"/api/v1/orders/{path}", Authorization=by)
    assert answer.status == 200, answer.body
    order: dict[str, Any] = answer.body
    return order


def receive(shop: MixedShop, *, by: str, key: str) -> Answer:
    """A delivery of goods."""
    wanted, path = {"quantity": DELIVERED, "reason": "received"}, f"/api/v1/inventory/stock/{shop.sku}/adjustments"
    answer = shop.call("POST", path, wanted, Authorization=by, Idempotency_Key=key)
    assert answer.status == 201, answer.body
    return answer


class TestAnUpgrade:
    def test_and_its_undoing_lose_nothing_that_was_begun(self, before: Path, tmp_path: Path) -> None:
        begun: Business | None = None

        for stage in STAGES:
            with running_mix(SHOPS[stage], before=before, var=tmp_path / "var") as shop:
                if begun:
                    go_on(shop, begun)
                for tree in (before, ROOT):
                    done = shop.manage("verify", tree=tree)
                    assert done.returncode == 0, f"{stage}: {done.stdout}{done.stderr}"
                begun = begin(shop)
