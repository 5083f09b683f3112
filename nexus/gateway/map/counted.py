"""Figures that requests and handlers left behind, and what they were in the last seconds."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from nexus.gateway.routes import Routes

RECENT = 10.0
"""Seconds that a latency is about."""
SMOOTH = 3.0
"""Seconds that a rate is about: engines tell their counters late, and not every second."""
TOTALS = {
    "nexus_shed_total": "shed",
    "nexus_ratelimit_rejected_total": "limited",
    "http_server_active_requests": "under_way",
}


@dataclass
class Tally:
    """How many there were, how many failed, and how many were done within so many seconds."""

    count: float = 0
    errors: float = 0
    within: dict[float, float] = field(default_factory=dict)

    def since(self, earlier: "Tally") -> "Tally":
        """What came after the earlier one; a counter that began anew counts as it stands."""
        if earlier.count > self.count:
            return self
        within = {edge: count - earlier.within.get(edge, 0) for edge, count in self.within.items()}
        return Tally(self.count - earlier.count, self.errors - earlier.errors, within)

    def quantile(self, share: float) -> float | None:
        """Within how many seconds that share was done, as Prometheus would reckon it; None when there were none."""
        if self.count <= 0:
            return None
        wanted, below, before = share * self.count, 0.0, 0.0
        for edge, count in sorted(self.within.items()):
            if count >= wanted:
                if edge == float("inf"):
                    return below
                return below + (edge - below) * (wanted - before) / max(count - before, 1e-9)
            below, before = edge, count
        return below

    def note(self, sample: Sample, *, failed: bool) -> None:
        """Add one sample of a histogram."""
        if sample.name.endswith("_count"):
            self.count += sample.value
            self.errors += sample.value if failed else 0
        elif sample.name.endswith("_bucket"):
            edge = float(sample.labels["le"])
            self.within[edge] = self.within.get(edge, 0) + sample.value


@dataclass
class Reading:
    """All that was counted up to an instant: requests by app and altogether (by ""), deliveries by subscriber."""

    at: float
    requests: dict[str, Tally] = field(default_factory=dict)
    lags: dict[str, Tally] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)
    breakers: dict[str, float] = field(default_factory=dict)


class Counted:
    """Reads figures, and remembers them for as long as a latency is about."""

    def __init__(self) -> None:
        self._routes = Routes(settings.ROUTES)
        self._recent: deque[Reading] = deque()

    def read(self, families: Iterable[Metric], *, at: float) -> tuple[Reading, Reading]:
        """What is counted now, and what was some seconds ago."""
        now = Reading(at)
        for family in families:
            for sample in family.samples:
                self._note(now, sample)
        self._recent.append(now)
        while self._recent[0].at < at - RECENT:
            self._recent.popleft()
        return now, self._recent[0]

    def _note(self, reading: Reading, sample: Sample) -> None:
        name, labels = sample.name, sample.labels
        if name.startswith("http_server_request_duration_seconds"):
            app = self._routes.service_of(labels["http_route"])
            # Probes and staff pages are no customers.
            for key in (app, "") if app else ():
                failed = labels["http_response_status_code"] >= "500" or labels["http_response_status_code"] == "0"
                reading.requests.setdefault(key, Tally()).note(sample, failed=failed)
        elif name.startswith("nexus_event_lag_seconds"):
            reading.lags.setdefault(labels["subscriber"], Tally()).note(sample, failed=False)
        elif name == "nexus_breaker_state":
            reading.breakers[labels["target"]] = sample.value
        elif key := TOTALS.get(name, ""):
            reading.totals[key] = reading.totals.get(key, 0) + sample.value


class Meter:
    """Turns totals into rates over the last seconds."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, float]]] = {}

    def rate(self, name: str, total: float | None, *, at: float) -> float | None:
        """How fast the total of that name has risen; None before there are two, or when there is none now."""
        if total is None:
            self._seen.pop(name, None)
            return None
        seen = self._seen.setdefault(name, deque())
        seen.append((at, total))
        while len(seen) > 2 and seen[1][0] <= at - SMOOTH:
            seen.popleft()
        (began, first), (ended, last) = seen[0], seen[-1]
        return max(0.0, last - first) / (ended - began) if ended > began else None


class Standstill:
    """Knows since when something has waited for somebody who takes nothing."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def seconds(self, name: str, *, waits: bool, moves: bool, at: float) -> float:
        """For how long that has been so, of what has that name; 0 when it is not."""
        if not waits or moves:
            self._since.pop(name, None)
            return 0.0
        return at - self._since.setdefault(name, at)
