"""
What is counted on an event loop, written a little later: each number in the files that processes share costs a
microsecond or two, and a twentieth of a second has hundreds of requests that only add to the same few.
"""

import asyncio
from bisect import bisect_left
from collections import Counter, defaultdict
from functools import cache

from prometheus_client import Counter as Count
from prometheus_client import Histogram

EVERY = 0.05
"""Seconds."""


class Tally:
    """Counts and durations that are still to be written. Everything is to be called on the event loop."""

    def __init__(self) -> None:
        self._counts: Counter[Count] = Counter()
        self._durations: defaultdict[Histogram, list[float]] = defaultdict(list)

    def count(self, what: Count) -> None:
        """Once more."""
        self._begin()
        self._counts[what] += 1

    def observe(self, what: Histogram, seconds: float) -> None:
        """It took so long."""
        self._begin()
        self._durations[what].append(seconds)

    def _begin(self) -> None:
        if not self._counts and not self._durations:
            asyncio.get_running_loop().call_later(EVERY, self.write)

    def write(self) -> None:
        """Write all of it, as is done by itself in time."""
        counts, self._counts = self._counts, Counter()
        gathered, self._durations = self._durations, defaultdict(list)
        for count, times in counts.items():
            count.inc(times)
        for histogram, durations in gathered.items():
            _observe(histogram, durations)


def _observe(histogram: Histogram, durations: list[float]) -> None:
    """What `Histogram.observe` does with each, with as many writes as there are buckets."""
    histogram._sum.inc(sum(durations))
    for bucket, times in Counter(bisect_left(histogram._upper_bounds, each) for each in durations).items():
        histogram._buckets[bucket].inc(times)


@cache
def tally() -> Tally:
    """This process's."""
    return Tally()
