"""What the customers want: some fifty skus, two of them wanted by more people than there are pieces."""

import random
from dataclasses import dataclass
from typing import Any

from tests.journeys.system import System

MOST_LINES = 4
HOT_SHARE = 0.3


@dataclass(frozen=True)
class Goods:
    """Skus of which there are plenty, and the hot ones."""

    plain: list[str]
    hot: list[str]

    def basket(self, dice: random.Random, *, hot: bool = True) -> dict[str, Any]:
        """The body of an order."""
        chosen = dice.sample(self.plain, min(len(self.plain), dice.randint(1, MOST_LINES)))
        if hot and dice.random() < HOT_SHARE:
            chosen[0] = dice.choice(self.hot)
        return {"lines": [{"sku": sku, "quantity": dice.randint(1, 3)} for sku in chosen]}


def stocked(shop: System, *, orders: int, skus: int = 50) -> Goods:
    """
    Choose goods and fill the shelves for so many orders. A hot sku gets about a third of what will be wanted of it.
    """
    offers = "SELECT sku FROM orders_price WHERE sellable AND prices ? 'EUR'"
    for_sale = {row[0] for row in shop.sql("orders", offers)}
    levels = shop.sql("inventory", "SELECT sku, sum(on_hand - reserved) FROM inventory_stock GROUP BY 1 ORDER BY 2, 1")
    few_first = [sku for sku, _ in levels if sku in for_sale]
    goods = Goods(hot=few_first[:2], plain=few_first[-(skus - 2) :])
    staff = shop.log_in("staff")
    for sku in goods.hot:
        shop.receive(orders // 10 + 1, sku=sku, staff=staff)
    for sku in goods.plain:
        shop.receive(orders // 4 + 1, sku=sku, staff=staff)
    return goods
