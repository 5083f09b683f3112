"""The row that a drill ends with."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.chaos.checker import KINDS, count
from tests.chaos.result import WORDS, Result


@dataclass(kw_only=True)
class DrillResult(Result):
    """Times are in seconds: the longest between two accepted orders, and from placed to its verdict."""

    accepted: int = 0
    refused: int = 0
    unanswered: int = 0
    longest_pause: float = 0.0
    slowest_verdict: float = 0.0
    facts: Sequence[str] = ()

    @property
    def row(self) -> str:
        """Everything on one line."""
        cells = [
            self.title,
            f"orders placed: {sum(self.statuses.values())}",
            f"accepted: {self.accepted}",
            *(f"{status}: {times}" for status, times in sorted(self.statuses.items())),
            f"refused with 503: {self.refused}",
            f"no answer: {self.unanswered}",
            f"longest pause: {self.longest_pause:.1f} s",
            f"slowest verdict: {self.slowest_verdict:.1f} s",
            *(f"{WORDS.get(kind, kind)}: {count(self.findings, kind)}" for kind in KINDS),
            f"duplicates absorbed: {self.absorbed}",
            *self.facts,
            "PASSED" if self.passed else "FAILED",
        ]
        return " | ".join(cells)


def longest_gap(moments: Sequence[float]) -> float:
    """Between two that follow each other; 0 of fewer than two."""
    return max((after - before for before, after in pairwise(sorted(moments))), default=0.0)
