"""How much of a shop to make up. Apps fill their own shelves, each from what it has heard by then."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid5

NAMESPACE = UUID("6ba3a3a5-22a1-4d0a-9d0e-6d2b4bb0a001")

Progress = Iterator[tuple[int, int]]
"""Yields (done, wanted) now and then while it works."""


@dataclass(frozen=True, kw_only=True)
class SeedPlan:
    """The same seed and sizes make the same shop; what is there already is not made again."""

    seed: int
    products: int
    customers: int
    orders: int

    def customer_id(self, number: int) -> UUID:
        """The id of a made-up customer, which every app can tell without asking."""
        return uuid5(NAMESPACE, f"customer {self.seed} {number}")


SIZES = {
    "tiny": SeedPlan(seed=1, products=40, customers=5, orders=10),
    "demo": SeedPlan(seed=1, products=240, customers=40, orders=120),
    "medium": SeedPlan(seed=1, products=5_000, customers=500, orders=2_000),
    "large": SeedPlan(seed=1, products=100_000, customers=5_000, orders=10_000),
}
