"""The one line that a run ends with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.checker import KINDS, Finding, count

CONVERGE_WITHIN = 30.0
WORDS = {"double": "double effects"}


@dataclass(kw_only=True)
class Result:
    """What a run did, and what it found."""

    title: str
    faults: Mapping[str, int] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    absorbed: int = 0
    retries: int = 0
    max_log_age: float = 0.0
    converged: float = 0.0
    converge_within: float = CONVERGE_WITHIN

    @property
    def passed(self) -> bool:
        return not self.findings and self.converged <= self.converge_within

    @property
    def row(self) -> str:
        """Everything on one line."""
        kinds = ", ".join(f"{kind} {times}" for kind, times in self.faults.items())
        cells = [
            self.title,
            f"{sum(self.faults.values())} faults ({kinds})",
            f"orders placed: {sum(self.statuses.values())}",
            *(f"{status}: {times}" for status, times in sorted(self.statuses.items())),
            *(f"{WORDS.get(kind, kind)}: {count(self.findings, kind)}" for kind in KINDS),
            f"duplicates absorbed: {self.absorbed}",
            f"client retries: {self.retries}",
            f"max log age: {self.max_log_age:.1f} s",
            f"time to converge: {self.converged:.1f} s",
            "PASSED" if self.passed else "FAILED",
        ]
        return " | ".join(cells)

    @property
    def details(self) -> list[str]:
        """A line for each broken promise."""
        found = [f"{each.kind}: {each.name}: {each.count}, first {each.offender}" for each in self.findings]
        if self.converged > self.converge_within:
            found.append(f"stuck: it took {self.converged:.1f} s to converge, {self.converge_within:.0f} s are allowed")
        return found
