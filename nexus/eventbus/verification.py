"""
Asks whether everything that was promised holds, across all stores that this process's apps have.

The shop may be running meanwhile: what is on its way is not yet where it belongs. An offender therefore counts only
when it is still one at the end of the time given.
"""

import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from nexus.eventbus.backends import BrokerAway
from nexus.eventbus.bus import backend
from nexus.eventbus.invariants import Copy, Invariant, Kind, Offender, differences, disagreements
from nexus.eventbus.registry import Member, members

MOST_NAMED = 1000
LOOK_EVERY = 0.5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An invariant and what breaks it: how many (at most `MOST_NAMED` are counted), and the first."""

    name: str
    kind: Kind
    count: int
    offender: str


def verify(*, within: float = 10.0) -> list[Finding]:
    """Every invariant, each given `within` seconds to become true."""
    deadline = time.monotonic() + within
    return [_finding(invariant, _persistent(invariant, deadline)) for invariant in invariants()]


def invariants() -> list[Invariant]:
    """All that this process can check."""
    return [
        *(invariant for member in members.values() for invariant in member.invariants),
        *(_everything_is_heard(member) for member in members.values() if member.handlers),
        *(_nothing_is_buried(member) for member in members.values() if member.handlers),
        *_copies_agree(),
        Invariant(name="the broker set no message aside", kind=Kind.STUCK, offenders=_set_aside),
    ]


def _persistent(invariant: Invariant, deadline: float) -> dict[str, str]:
    found = dict(islice(invariant.offenders(), MOST_NAMED))
    while found and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)
        again = dict(islice(invariant.offenders(), MOST_NAMED))
        found = {name: how for name, how in again.items() if name in found}
    return found


def _finding(invariant: Invariant, offenders: dict[str, str]) -> Finding:
    first = next((f"{name}: {how}" for name, how in offenders.items()), "")
    return Finding(name=invariant.name, kind=invariant.kind, count=len(offenders), offender=first)


def _everything_is_heard(member: Member) -> Invariant:
    def offenders() -> Iterator[Offender]:
        return ((str(identity), f"{member.name} has not heard it") for identity in unheard_by(member))

    return Invariant(name=f"{member.name} hears everything it is told", kind=Kind.LOST, offenders=offenders)


def unheard_by(member: Member) -> Iterator[UUID]:
    """The ids of all events told here that the subscriber has not heard, rising."""
    told: Iterator[UUID] = heapq.merge(*(publisher.store.told(kinds) for publisher, kinds in heard_of(member)))
    heard = ((str(identity), True) for identity in member.store.heard(member.name))
    for identity, _, has_heard in disagreements(((str(identity), True) for identity in told), heard):
        # What was heard and is not told here comes from the log of an app that lives elsewhere.
        if not has_heard:
            yield UUID(identity)


def heard_of(member: Member) -> list[tuple[Member, list[str]]]:
    """The publishers of this process that the subscriber hears something of, with the types."""
    sources = ((members.get(source), source) for source in sorted(member.hears))
    return [
        (publisher, [kind for kind in member.handlers if kind.partition(".")[0] == source])
        for publisher, source in sources
        if publisher
    ]


def _nothing_is_buried(member: Member) -> Invariant:
    def offenders() -> Iterator[Offender]:
        if count := member.store.count_buried(member.name):
            yield member.name, f"{count} dead letters wait to be looked at"

    return Invariant(name=f"{member.name} has no dead letters", kind=Kind.STUCK, offenders=offenders)


def _copies_agree() -> Iterator[Invariant]:
    copies = [copy for member in members.values() for copy in member.copies]
    for owner in (copy for copy in copies if copy.owner):
        for copy in (copy for copy in copies if copy.fact == owner.fact and not copy.owner):
            name = f"{copy.fact}: {copy.keeper} agrees with {owner.keeper}"
            yield Invariant(name=name, kind=Kind.DRIFT, offenders=_compare(owner, copy))


def _compare(owner: Copy, copy: Copy) -> Callable[[], Iterator[Offender]]:
    return lambda: differences(owner.entries(), copy.entries(), partial=copy.partial)


def _set_aside() -> Iterator[Offender]:
    try:
        found = backend().depths()
    except BrokerAway as why:
        yield "broker", str(why)
        return
    for name, depth in found.items():
        if depth.set_aside:
            yield name, f"{depth.set_aside} messages that nobody could take"
