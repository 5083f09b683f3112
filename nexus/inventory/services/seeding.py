"""Stock for a made-up shop: most things plenty, some few, some none."""

import random

from nexus.contracts.seeding import Progress, SeedPlan
from nexus.inventory.models import DATABASE, Stock
from nexus.inventory.services.adjust import receive_stock

PAGE = 1000


def fill_shelves(plan: SeedPlan) -> Progress:
    """Receive stock for whatever has never had any."""
    empty = Stock.objects.using(DATABASE).filter(version=0, on_hand=0)
    wanted, done, last = empty.count(), 0, ""
    while skus := list(empty.filter(sku__gt=last).order_by("sku").values_list("sku", flat=True)[:PAGE]):
        arrived = {sku: _how_many(plan.seed, sku) for sku in skus}
        receive_stock({sku: quantity for sku, quantity in arrived.items() if quantity}, note="opening stock")
        last, done = skus[-1], done + len(skus)
        yield done, wanted


def _how_many(seed: int, sku: str) -> int:
    dice = random.Random(f"{seed} {sku}")
    few_or_none = dice.random() < 0.12
    return dice.randint(0, 5) if few_or_none else dice.randint(20, 400)
