"""
What Prometheus asks of the bus: how old what waits is, where it waits, and what the apps add of their own.

All of it is read from the stores when it is asked for, so it is the same whichever process answers and needs no
counters shared between processes. Served on a port of its own, never by the public listener.
"""

import logging
from collections.abc import Iterator

from django.db import connections
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from nexus.eventbus.backends import BrokerAway
from nexus.eventbus.bus import backend
from nexus.eventbus.registry import Gauge, Member, members

log = logging.getLogger("nexus.eventbus.metrics")


class BusCollector(Collector):
    """A store that is away costs its own figures, and is one: `nexus_up` is 0 for it."""

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is asked before somebody asks."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            yield from _families()
        finally:
            connections.close_all()


def _families() -> Iterator[GaugeMetricFamily]:
    up = GaugeMetricFamily("nexus_up", "1 when the part could be asked", labels=["part"])
    waiting = GaugeMetricFamily("nexus_outbox_pending", "Events not handed on yet", labels=["log", "consumer"])
    age = GaugeMetricFamily(
        "nexus_outbox_oldest_age_seconds", "Age of the oldest event not handed on yet", labels=["log", "consumer"]
    )
    dead = GaugeMetricFamily("nexus_dlq_depth", "Dead letters that wait to be looked at", labels=["subscriber"])
    own: list[GaugeMetricFamily] = []
    for member in members.values():
        with_figures = _figures(member, waiting=waiting, age=age, dead=dead, own=own)
        up.add_metric([member.name], float(with_figures))
    queues = GaugeMetricFamily("nexus_queue_messages", "Messages at the broker", labels=["subscriber", "state"])
    up.add_metric(["broker"], float(_queues(queues)))
    yield from (up, waiting, age, dead, queues, *own)


def _figures(
    member: Member,
    *,
    waiting: GaugeMetricFamily,
    age: GaugeMetricFamily,
    dead: GaugeMetricFamily,
    own: list[GaugeMetricFamily],
) -> bool:
    try:
        for consumer, count, oldest in member.store.backlog():
            waiting.add_metric([member.name, consumer], count)
            age.add_metric([member.name, consumer], oldest)
        if member.handlers:
            dead.add_metric([member.name], member.store.count_buried(member.name))
        own += [_own(gauge) for gauge in member.gauges]
    except Exception as why:  # noqa: BLE001  whatever is wrong with a store, the figures of the others are wanted
        log.warning("no figures of %s: %s: %s", member.name, type(why).__name__, why)
        return False
    return True


def _own(gauge: Gauge) -> GaugeMetricFamily:
    return GaugeMetricFamily(gauge.name, gauge.meaning, value=gauge.read())


def _queues(queues: GaugeMetricFamily) -> bool:
    try:
        for subscriber, depth in backend().depths().items():
            queues.add_metric([subscriber, "waiting"], depth.waiting)
            queues.add_metric([subscriber, "set_aside"], depth.set_aside)
    except BrokerAway as why:
        log.warning("%s", why)
        return False
    return True
