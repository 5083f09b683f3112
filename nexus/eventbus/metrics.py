"""
What Prometheus asks of the bus: how old what waits is, where it waits, and what the apps add of their own.

All of it is read from the stores when it is asked for, so it is the same whichever process answers and needs no
counters shared between processes. Served on a port of its own, never by the public listener.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from nexus.eventbus.backends import Depth
from nexus.eventbus.bus import backend
from nexus.eventbus.registry import Member, members
from nexus.eventbus.side_by_side import ask_all

log = logging.getLogger("nexus.eventbus.metrics")

BROKER = "broker"


class BusCollector(Collector):
    """A store that is away costs its own figures, and is one: `nexus_up` is 0 for it."""

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is asked before somebody asks."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        questions: dict[str, Callable[[], Figures]] = {
            member.name: partial(_figures_of, member) for member in members.values()
        }
        answers = ask_all(questions | {BROKER: _figures_of_the_broker})
        for name, answer in answers.items():
            if isinstance(answer, Exception):
                log.warning("no figures of %s: %s: %s", name, type(answer).__name__, answer)
        yield from _families(answers)


class Figures(NamedTuple):
    """What one part says: backlog by consumer, dead letters if it hears anything, queues, gauges of its own."""

    backlog: Sequence[tuple[str, int, float]] = ()
    dead: int | None = None
    queues: Mapping[str, Depth] = MappingProxyType({})
    own: Sequence[GaugeMetricFamily] = ()


def _figures_of(member: Member) -> Figures:
    return Figures(
        backlog=member.store.backlog(),
        dead=member.store.count_buried(member.name) if member.handlers else None,
        own=[GaugeMetricFamily(gauge.name, gauge.meaning, value=gauge.read()) for gauge in member.gauges],
    )


def _figures_of_the_broker() -> Figures:
    return Figures(queues=backend().depths())


def _families(answers: Mapping[str, Figures | Exception]) -> Iterator[GaugeMetricFamily]:
    up = GaugeMetricFamily("nexus_up", "1 when the part could be asked", labels=["part"])
    waiting = GaugeMetricFamily("nexus_outbox_pending", "Events not handed on yet", labels=["log", "consumer"])
    age = GaugeMetricFamily(
        "nexus_outbox_oldest_age_seconds", "Age of the oldest event not handed on yet", labels=["log", "consumer"]
    )
    dead = GaugeMetricFamily("nexus_dlq_depth", "Dead letters that wait to be looked at", labels=["subscriber"])
    queues = GaugeMetricFamily("nexus_queue_messages", "Messages at the broker", labels=["subscriber", "state"])
    for name, found in answers.items():
        up.add_metric([name], float(isinstance(found, Figures)))
        if not isinstance(found, Figures):
            continue
        for consumer, count, oldest in found.backlog:
            waiting.add_metric([name, consumer], count)
            age.add_metric([name, consumer], oldest)
        if found.dead is not None:
            dead.add_metric([name], found.dead)
        for subscriber, depth in found.queues.items():
            queues.add_metric([subscriber, "waiting"], depth.waiting)
            queues.add_metric([subscriber, "set_aside"], depth.set_aside)
        yield from found.own
    yield from (up, waiting, age, dead, queues)
