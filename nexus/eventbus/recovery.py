"""
After a restore: what stores of different moments know of each other is put together again.

A store that was restored to a later moment than another's knows more than that one. News that was told and not heard
(lost with the broker, or heard by a life that is forgotten) is told again. News that was heard and is no longer told
cannot be: there each app says what it knows, and the others believe it as far as they can. Copies that remember what
their source has forgotten are thrown away and made again. `manage.py verify` then says what is left.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import permutations
from uuid import UUID

from nexus.contracts.base import made_at
from nexus.eventbus.bus import backend
from nexus.eventbus.invariants import disagreements
from nexus.eventbus.rebuilding import find_read_models
from nexus.eventbus.registry import Member, members
from nexus.eventbus.verification import heard_of, unheard_by

PAGE = 500
LOOK_EVERY = 0.2


class NotHeard(Exception):
    """What was told again did not arrive in time."""


def recover(*, patience: float = 60.0) -> Iterator[str]:
    """
    Bring the stores of this process's apps together; a sentence for each thing done. Again, it finds nothing to do.

    :raises NotHeard: nobody took in what was told again for `patience` seconds
    """
    yield from tell_the_unheard(patience=patience)
    yield from _believe_each_other()
    for model in find_read_models().values():
        if model.outlives in members:
            model.drop()
            yield f"{model.name} was made again from {sum(model.rebuild())} entries of {model.made_from}"
        elif model.outlives:
            yield f"{model.name} is left as it is: {model.made_from} is not here"
    # A chore may tell something; another round, until none does.
    following = [""]
    while following:
        for member in members.values():
            for chore in member.chores:
                chore()
        following = list(tell_the_unheard(patience=patience))
        yield from following


def tell_the_unheard(*, patience: float) -> Iterator[str]:
    """
    Give each subscriber what was told and it has not heard, and what follows from that, until nothing is left.

    :raises NotHeard: as `recover`
    """
    given: dict[str, set[UUID]] = {name: set() for name in members}
    until = time.monotonic() + patience
    while waiting := {name: ids for name, member in members.items() if (ids := set(unheard_by(member)))}:
        anything = False
        for name, ids in waiting.items():
            if new := ids - given[name]:
                given[name] |= new
                anything = True
                yield f"{name} was told {_give(members[name], new)} events that it had not heard"
        if not anything:
            if time.monotonic() > until:
                missing = ", ".join(f"{name} {len(ids)}" for name, ids in waiting.items())
                raise NotHeard(f"told again and still not heard: {missing}; do the workers run?")
            time.sleep(LOOK_EVERY)


def _give(member: Member, ids: set[UUID]) -> int:
    oldest, count = datetime.fromtimestamp(made_at(min(ids)), tz=UTC), 0
    for publisher, kinds in heard_of(member):
        for page in publisher.store.history(kinds, since=oldest, size=PAGE):
            if records := [record for record in page.records if record.id in ids]:
                backend().send_to(member.name, records)
                count += len(records)
    return count


def _believe_each_other() -> Iterator[str]:
    known = [testimony for member in members.values() for testimony in member.testimonies]
    for own, other in permutations(known, 2):
        if own.fact == other.fact:
            # Twice: two lists are not of one instant, and what was only just changing is not a difference.
            first = {each[0]: each for each in disagreements(own.entries(), other.entries())}
            again = disagreements(own.entries(), other.entries())
            yield from own.believe([each for each in again if first.get(each[0]) == each])
