"""
The bus inside one process: each subscriber follows each log it hears, with a position of its own.

As unkind as a broker on purpose: events pass through JSON, after commit, at least once, into a transaction of their
own, and one subscriber's trouble holds up no other.
"""

from collections.abc import Sequence

from nexus.eventbus.backends import Depth
from nexus.eventbus.delivery import deliver
from nexus.eventbus.postgresql.base import close_broken_connections
from nexus.eventbus.registry import Member, members
from nexus.eventbus.relay import Publish, Relay
from nexus.eventbus.wire import Record, encode

CARRIED_BY_WEB = True
"""The web process itself runs the relays: there is no other."""


def relays() -> list[Relay]:
    """One for every pair of a log and a subscriber that hears something of it."""
    return [
        Relay(store=publisher.store, consumer=f"{publisher.name} > inprocess {member.name}", publish=_to(member))
        for member in members.values()
        for publisher in members.values()
        if publisher.name in member.hears
    ]


def _to(member: Member) -> Publish:
    def publish(records: Sequence[Record]) -> None:
        close_broken_connections()
        if heard := [record for record in records if member.takes(record.type)]:
            deliver(member=member, message=encode(heard))

    return publish


def prepare() -> None:
    """Make whatever this process's subscribers need of the transport: here, nothing."""


def sync(*, prune: bool) -> list[str]:
    """Make the transport what the code says, a line for each difference; what is too much goes when `prune` is set."""
    return []


def depths() -> dict[str, Depth]:
    """
    What waits outside the logs, by subscriber: here, nothing.

    :raises BrokerAway: it cannot be asked
    """
    return {}


def send_to(subscriber: str, records: Sequence[Record]) -> None:
    """
    Hand records to one subscriber once more, and return when that is safe.

    :raises TryLater: a dependency is away
    """
    _to(members[subscriber])(records)


def take_back(subscriber: str) -> int:
    """Give the subscriber once more what the broker had given up on; how many messages it were."""
    return 0
