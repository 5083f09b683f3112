"""A run: customers buy in both regions while links are cut and healed, then the regions must agree."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.checker import compare, read_books
from tests.chaos.customers import Customers
from tests.chaos.goods import Goods
from tests.eventually import eventually
from tests.faultproxy import Toxic
from tests.regions.shops import RegionShop, side_by_side

Say = Callable[[str], None]
CUTS = {
    "refused": Toxic(down=True),
    "reset": Toxic(reset=True),
    "silent": Toxic(silent=True),
    "slow": Toxic(latency=1.5, jitter=1.0),
}
"""What a link may suffer from: nobody there, hung up on, nobody answers, late."""
LEVELS = "SELECT sku, sum(on_hand - reserved)::int FROM inventory_stock GROUP BY 1 ORDER BY 2, 1"
OFFERS = "SELECT sku FROM orders_price WHERE sellable AND prices ? 'EUR'"
BEFORE_SHARES = """
SELECT sku, sum(on_hand)::int FROM inventory_ledgerentry WHERE reason IN ('received', 'counted') GROUP BY sku
"""
PROMISED = """
SELECT line->>'sku', sum((line->>'quantity')::int)::int FROM inventory_reservation, jsonb_array_elements(lines) AS line
WHERE state IN ('held', 'committed') GROUP BY 1
"""
CAME = "SELECT 1 FROM inventory_share WHERE sku = ANY(%s) AND to_region = %s"
Shops = Mapping[str, RegionShop]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`orders` in each region, in as many portions as there are cuts; `converge_within` is what is still good."""

    seed: int
    orders: int
    cuts: int
    converge_within: float = 60.0


@dataclass(kw_only=True)
class Result:
    """What a run did, and what it found."""

    plan: Plan
    statuses: dict[str, dict[str, int]] = field(default_factory=dict)
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)
    most_on_the_way: int = 0
    converged: float = 0.0
    audit: str = ""
    broken: list[str] = field(default_factory=list)

    @property
    def row(self) -> str:
        """Everything on one line."""
        orders = "; ".join(
            f"{region} " + ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
            for region, counts in self.statuses.items()
        )
        shares = ", ".join(f"{region} sent {n} with {pieces}" for region, (n, pieces) in self.shares.items())
        end = "PASSED" if not self.broken else f"FAILED: {len(self.broken)} broken"
        return (
            f"regions seed {self.plan.seed}: {orders} | {self.plan.cuts} cuts | {shares} | at most "
            f"{self.most_on_the_way} on the way | together again after {self.converged:.1f} s | {self.audit} | {end}"
        )


def run(shops: Shops, plan: Plan, *, home: Path, say: Say) -> Result:
    """Do what the plan says; whatever is found is in the result."""
    result, dice = Result(plan=plan), random.Random(f"{plan.seed} cuts")
    before = {region: frozenset(read_books(shop).statuses) for region, shop in shops.items()}
    goods = stocked(shops, plan)
    bought = {
        region: Customers(shop, goods, name=f"{region} {plan.seed}", orders=plan.orders, buyers=3)
        for region, shop in shops.items()
    }
    try:
        _buy_through_cuts(shops, plan, bought, goods, result, dice, say)
        _wait_for_a_share_of(goods.hot, shops["us"], say)
        for customers in bought.values():
            customers.finish()
    finally:
        for customers in bought.values():
            customers.give_up()
    _come_together(shops, plan, result, say)
    _judge(shops, bought, before, result, home)
    return result


def stocked(shops: Shops, plan: Plan) -> Goods:
    """
    The same goods in both regions: of the plain ones there are plenty; the hot ones lie in eu, fewer than are wanted,
    and us has next to none.
    """
    for_sale = {sku for [sku] in shops["us"].sql("orders", OFFERS)}
    levels = [(sku, level) for sku, level in shops["us"].sql("inventory", LEVELS) if sku in for_sale]
    goods = Goods(hot=[sku for sku, _ in levels[:2]], plain=[sku for sku, _ in levels[-15:]])
    for shop, hot in ((shops["eu"], plan.orders // 3 + 20), (shops["us"], 3)):
        staff = shop.log_in("staff")
        for sku in goods.hot:
            shop.receive(hot, sku=sku, staff=staff)
        for sku in goods.plain if plan.orders > 100 else ():
            shop.receive(plan.orders // 2, sku=sku, staff=staff)
    return goods


def _buy_through_cuts(
    shops: Shops,
    plan: Plan,
    bought: Mapping[str, Customers],
    goods: Goods,
    result: Result,
    dice: random.Random,
    say: Say,
) -> None:
    began, portion = time.monotonic(), -(-plan.orders // (plan.cuts + 1))
    for number in range(plan.cuts):
        region, (kind, toxic) = dice.choice(tuple(shops)), tuple(CUTS.items())[number % len(CUTS)]
        victims = tuple(shops.values()) if number % 3 == 2 else (shops[region],)
        for shop in victims:
            shop.cut(toxic)
        for customers in bought.values():
            customers.allow(portion)
        _send_by_hand(victims[0], goods)
        for customers in bought.values():
            customers.wait_until_placed((number + 1) * portion - portion // 3)
        on_the_way = sum(shop.on_the_way() for shop in shops.values())
        result.most_on_the_way = max(result.most_on_the_way, on_the_way)
        who = " and ".join(shop.region for shop in victims)
        say(f"{time.monotonic() - began:6.1f} s  link of {who} {kind:8} {_state(shops, goods)}")
        for shop in victims:
            shop.way_out.heal()


def _send_by_hand(shop: RegionShop, goods: Goods) -> None:
    """Staff send something for which there is no hurry: it must wait as long as the link is cut, and come once."""
    status, said = shop.told("share", "send", "--sku", goods.plain[-1], "--to", shop.other, "--quantity", "2")
    assert status == 0, said


def _wait_for_a_share_of(skus: Sequence[str], shop: RegionShop, say: Say) -> None:
    """Return when some of it has come because this region asked; the last portion is bought after that."""
    began = time.monotonic()
    eventually(lambda: shop.sql("inventory", CAME, list(skus), shop.region), within=120, every=0.2)
    say(f"{shop.region} has a share of what it asked for, {time.monotonic() - began:.1f} s after the last cut")


def _come_together(shops: Shops, plan: Plan, result: Result, say: Say) -> None:
    healed = time.monotonic()
    while any(shop.unsettled() or shop.on_the_way() for shop in shops.values()):
        result.converged = time.monotonic() - healed
        if result.converged > plan.converge_within:
            result.broken.append("orders or shares are still on their way")
            break
        time.sleep(0.1)
    result.converged = time.monotonic() - healed
    say(f"together again {result.converged:.1f} s after the last order")


def _judge(
    shops: Shops,
    bought: Mapping[str, Customers],
    before: Mapping[str, frozenset[str]],
    result: Result,
    home: Path,
) -> None:
    for region, shop in shops.items():
        books = read_books(shop, before=before[region])
        result.statuses[region], result.shares[region] = dict(books.ours()), shop.sent()
        result.broken += [f"{region}: {finding}" for finding in compare(bought[region].history, books)]
        result.broken += [f"{region}: {offender}" for offender in shop.offenders()]
    received, promised = Counter[str](), dict[str, Counter[str]]()
    for region, shop in shops.items():
        received.update(dict(shop.sql("inventory", BEFORE_SHARES)))
        promised[region] = Counter(dict(shop.sql("inventory", PROMISED)))
    sold = sum(promised.values(), Counter[str]())
    result.broken += [f"{n} {sku} sold of {received[sku]}" for sku, n in sold.items() if n > received[sku]]
    _compare_reports(shops, result, home)
    for region, findings in zip(shops, side_by_side(lambda shop: shop.verify(within=30), dict(shops)), strict=True):
        result.broken += [f"{region}: {finding}" for finding in findings]


def _compare_reports(shops: Shops, result: Result, home: Path) -> None:
    """As people would: a report of each region, and one command over them."""
    files = []
    for region, (_, said) in zip(shops, side_by_side(lambda s: s.told("share", "report"), dict(shops)), strict=True):
        files.append(home / f"{region}.json")
        files[-1].write_text(said)
    status, said = shops["eu"].told("share", "audit", *map(str, files))
    result.audit = said.splitlines()[-1].partition(": ")[2]
    result.broken += said.splitlines() if status else []


def _state(shops: Shops, goods: Goods) -> str:
    return "  ".join(
        f"{region}: {shop.unsettled():3} wait, {shop.free(goods.hot):4} hot free, {shop.on_the_way():3} on the way"
        for region, shop in shops.items()
    )
