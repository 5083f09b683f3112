"""Orders of made-up customers, placed as real ones are."""

import random

from django.conf import settings

from nexus.contracts.errors import NexusError
from nexus.contracts.seeding import Progress, SeedPlan
from nexus.orders.models import DATABASE, Order, Price
from nexus.orders.services.offered import Line
from nexus.orders.services.place import place_order

REPORT_EVERY = 25


def place_orders(plan: SeedPlan) -> Progress:
    """Place what is missing to the plan's number of orders; what is sold out is left."""
    prices = Price.objects.using(DATABASE).filter(sellable=True, prices__has_key=settings.CURRENCY)
    skus = list(prices.order_by("sku").values_list("sku", flat=True))
    first = Order.objects.using(DATABASE).count()
    if not skus or not plan.customers:
        return
    for number in range(first, plan.orders):
        _place(plan, number, skus)
        if number % REPORT_EVERY == 0:
            yield number - first, plan.orders - first
    yield max(0, plan.orders - first), max(0, plan.orders - first)


def find_sku_for_sale() -> str | None:
    """Something that a newcomer can order."""
    prices = Price.objects.using(DATABASE).filter(sellable=True, prices__has_key=settings.CURRENCY)
    return prices.order_by("sku").values_list("sku", flat=True).first()


def _place(plan: SeedPlan, number: int, skus: list[str]) -> None:
    dice = random.Random(f"{plan.seed} order {number}")
    chosen = dice.sample(skus, k=min(len(skus), dice.choice([1, 1, 2, 2, 3, 4])))
    lines = [Line(sku=sku, quantity=dice.choice([1, 1, 1, 2, 3]), position=at) for at, sku in enumerate(chosen)]
    customer_id = plan.customer_id(dice.randrange(plan.customers))
    try:
        place_order(customer_id=customer_id, lines=lines, currency=settings.CURRENCY)
    except NexusError:
        # Sold out: a real customer would have gone without it too.
        return
