"""
Outlier ejection: an instance that fails far more often than its peers gets no requests for a while. The idea is Envoy's
(https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier); the measure is the median, since a
deviation says nothing among three.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Protocol, TypeVar

INTERVAL = 10.0
REST = 30.0
FEWEST_ANSWERS = 20
FEWEST_INSTANCES = 3
MUCH, TIMES_THE_MEDIAN = 0.1, 3.0
MOST_EJECTED = 0.5


class Counted(Protocol):
    """What is known of an instance: answers since the last look, those that were 5xx, and for how long it is out."""

    answered: int
    wrong: int
    ejected_until: float
    ejections: int


C = TypeVar("C", bound=Counted)


def eject(instances: Sequence[C], *, now: float) -> list[C]:
    """
    Eject those that fail one time in ten and three times as often as is usual, and begin to count anew; who they are.

    It takes three instances with twenty answers each to say what is usual, and no more than half are ever out: when
    most fail it is not their fault. Each time takes 30 s longer than the one before.
    """
    shares = {id(each): each.wrong / each.answered for each in instances if each.answered >= FEWEST_ANSWERS}
    for each in instances:
        each.answered = each.wrong = 0
    if len(shares) < FEWEST_INSTANCES:
        return []
    limit = max(MUCH, TIMES_THE_MEDIAN * median(shares.values()))
    room = int(MOST_EJECTED * len(instances)) - sum(each.ejected_until > now for each in instances)
    bad = [each for each in instances if shares.get(id(each), 0.0) > limit]
    worst = sorted(bad, key=lambda each: shares[id(each)], reverse=True)[: max(0, room)]
    for each in worst:
        each.ejections += 1
        each.ejected_until = now + REST * each.ejections
    return worst


class Outliers:
    """Looks every ten seconds, when a request passes."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = clock() + INTERVAL

    def look(self, instances: Sequence[C]) -> list[C]:
        """The instances ejected just now; mostly none, for it is not time yet."""
        now = self._clock()
        if now < self._next:
            return []
        self._next = now + INTERVAL
        return eject(instances, now=now)
