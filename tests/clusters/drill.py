"""What a drill consists of: a shop, what is done to it and when, and what it alone can find out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from tests.chaos.checker import Finding
from tests.chaos.run import Say
from tests.clusters.shop import ManifoldShop


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something done when that share of the orders has been placed; `act` returns what came of it."""

    at: float
    does: str
    act: Callable[[], str]


class Drill(ABC):
    """One engine of several nodes."""

    name: ClassVar[str]
    guard: ClassVar[str] = ""
    """What `--without` takes away; the drill must fail then."""

    def __init__(self, shop: ManifoldShop, *, without: str = "") -> None:
        self.shop, self.without = shop, without

    @abstractmethod
    def steps(self) -> Sequence[Step]:
        """In the order of their shares."""

    def findings(self) -> list[Finding]:
        """What is broken beyond what the chaos checker sees."""
        return []

    def facts(self, orders: int) -> list[str]:
        """More for the row; `orders` is how many have been placed."""
        return []

    @contextmanager
    def beside(self, say: Say) -> Iterator[None]:
        """What goes on while customers buy."""
        yield
