"""Percentiles and medians, and what a journal of requests comes to."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.client import UNSENT, Journal


def percentile(values: Sequence[float], share: float) -> float:
    """
    The smallest value that at least `share` (0 to 1) of all are not above: a value that occurred, never between two.

    :raises ValueError: no values
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float | None]) -> float | None:
    """The middle of those that were measured; None when none was."""
    found = [value for value in values if value is not None]
    return statistics.median(found) if found else None


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the largest, in milliseconds; empty when there is nothing."""
    if not seconds:
        return {}
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(1000 * percentile(seconds, share), 3) for name, share in shares.items()}


def summary(journal: Journal, *, start: float, seconds: float) -> dict[str, Any]:
    """
    A journal in numbers: answers by status, answers within the time by second, latencies by status.

    `last`: when the last of a status came, in seconds from the start; `after_last` counts what came after the last 201.
    """
    rows = range(journal.count)
    statuses = list(journal.status[: journal.count])
    ends = [journal.began[at] + journal.took[at] - start for at in rows]
    came = list(zip(statuses, ends, strict=True))
    last = {str(status): max(end for each, end in came if each == status) for status in set(statuses)}
    sold_out = last.get("201", 0.0)
    within = _texts(Counter(status for status, end in came if end <= seconds))
    return {
        "requests": journal.count,
        "statuses": _texts(Counter(statuses)),
        "per_second": {status: count / seconds for status, count in within.items()},
        "last_answer": max((end for status, end in came if status > UNSENT), default=0.0),
        "latency": {
            str(wanted): milliseconds([journal.took[at] for at in rows if statuses[at] == wanted])
            for wanted in sorted(set(statuses))
        },
        "last": last,
        "after_last": _texts(Counter(status for status, end in came if end > sold_out)),
        "without_retry_after": sum(statuses[at] in (429, 503) and not journal.retry_after[at] for at in rows),
    }


def _texts(counts: Counter[int]) -> dict[str, int]:
    return {str(status): count for status, count in sorted(counts.items())}
