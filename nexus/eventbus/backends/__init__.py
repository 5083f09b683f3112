"""
How events travel between processes; one module per transport, chosen by ``EVENT_BUS["BACKEND"]``.

Each offers `CARRIED_BY_WEB`, `relays()`, `prepare()`, `sync(prune=…)`, `depths()`, `send_to(subscriber, records)` and
`take_back(subscriber)`; `inprocess`, the smallest, says what they are for. Where `CARRIED_BY_WEB` is false, there is
also `work(subscriber, concurrency=…)`: be a worker of that subscriber until told to stop. Where regions can be linked,
there is `links()` too, the relays that do it: over RabbitMQ alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Depth:
    """Messages at a broker: those that wait for the subscriber, and those that it gave up on."""

    waiting: int = 0
    set_aside: int = 0


class BrokerAway(Exception):
    """The broker does not answer."""
