"""
What the stores of this process's apps hold, in one short line for each table: to see that a restore brought all of it.

Truth is what nothing else could make again. Copies are what `rebuild` makes; what passes is how far somebody has come.
That is `prepare` too: a database that was moved to another place was made there at another moment.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from hashlib import sha256

import msgspec

from nexus.eventbus.registry import Member, members

PASSING = {"relay_cursor", "relay_lease", "django_migrations"}


class Kind(StrEnum):
    """What a table is to the shop."""

    TRUTH = "truth"
    COPY = "copy"
    PASSING = "passing"


class Fingerprint(msgspec.Struct, kw_only=True, frozen=True):
    """SHA-256 over all rows of a table or collection, in its own order; `name` is ``orders.event_log``."""

    name: str
    kind: Kind
    rows: int
    digest: str


def take() -> Iterator[Fingerprint]:
    """Of every table of every app here. What is written meanwhile may be in one and not yet in the next."""
    for _, member in sorted(members.items()):
        yield from _of(member)


def differences(before: Sequence[Fingerprint], now: Sequence[Fingerprint]) -> Iterator[str]:
    """In which truth two of them differ, a sentence for each table."""
    was, is_now = _truth(before), _truth(now)
    for name in sorted(was.keys() | is_now.keys()):
        old, new = was.get(name), is_now.get(name)
        if old is None or new is None:
            yield f"{name} is {'missing' if new is None else 'new'}"
        elif old.digest != new.digest:
            rows = f"{new.rows} rows, {old.rows} before" if new.rows != old.rows else f"{new.rows} rows as before"
            yield f"{name} differs: {rows}"


def _truth(found: Iterable[Fingerprint]) -> dict[str, Fingerprint]:
    return {each.name: each for each in found if each.kind is Kind.TRUTH}


def _of(member: Member) -> Iterator[Fingerprint]:
    copies = [place for model in member.read_models for place in model.kept_in]
    for name, read in member.store.contents(without=copies).items():
        digest, rows = sha256(), 0
        for row in read():
            # The length before each: no two lists of rows give the same bytes.
            digest.update(len(row).to_bytes(8))
            digest.update(row)
            rows += 1
        kind = Kind.COPY if name in copies else Kind.PASSING if name in PASSING else Kind.TRUTH
        yield Fingerprint(name=f"{member.name}.{name}", kind=kind, rows=rows, digest=digest.hexdigest())
