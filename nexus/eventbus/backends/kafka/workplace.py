"""
What a worker process has in hand, noted where its parent can read it when the worker is dead.

Kafka counts no deliveries: a message that kills whoever takes it would be taken for ever. So the parent keeps count.
What a dead worker had in hand its successors take message by message, until the one at fault is found.
"""

import json
import mmap
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from confluent_kafka import Message

DEATHS_ALLOWED = 3
"""Of workers that had one message in hand and no other."""
ROOM = 2**16


class Place(NamedTuple):
    """Where a message stands."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def of(cls, message: Message) -> "Place":
        return cls(message.topic(), message.partition(), message.offset())


class Casualties:
    """What the parent knows of the dead; a worker has it as it was when the worker began."""

    def __init__(self) -> None:
        self._deaths: Counter[Place] = Counter()
        self._suspect_until: dict[tuple[str, int], int] = {}

    def add(self, in_hand: Sequence[Place], *, alone: bool) -> None:
        """A worker died with these in hand, the last of each partition; or with this one `alone`."""
        for place in in_hand:
            known = self._suspect_until.get(place[:2], 0)
            self._suspect_until[place[:2]] = max(place.offset, known)
        if alone:
            self._deaths.update(in_hand)

    def includes(self, messages: Sequence[Message]) -> bool:
        """Whether a worker may have died of one of these."""
        return any(place.offset <= self._suspect_until.get(place[:2], -1) for place in map(Place.of, messages))

    def proves(self, message: Message) -> bool:
        """Whether too many died of this one."""
        return self._deaths[Place.of(message)] >= DEATHS_ALLOWED


class Workplace:
    """One worker's: made by the parent, then in the hands of the worker."""

    def __init__(self, casualties: Casualties) -> None:
        self.casualties = casualties
        self._note = mmap.mmap(-1, ROOM)

    @contextmanager
    def busy_with(self, messages: Sequence[Message]) -> Iterator[None]:
        """Have these in hand meanwhile."""
        last = {place[:2]: place for place in map(Place.of, messages)}
        self._write({"in_hand": list(last.values()), "alone": len(messages) == 1})
        try:
            yield
        finally:
            self._write({"in_hand": [], "alone": False})

    def close(self) -> None:
        """The worker is dead: what it had in hand is remembered."""
        note = json.loads(self._note[:].rstrip(b"\0") or b'{"in_hand": [], "alone": false}')
        self.casualties.add([Place(*place) for place in note["in_hand"]], alone=note["alone"])
        self._note.close()

    def _write(self, note: object) -> None:
        text = json.dumps(note).encode()
        self._note[:] = text.ljust(ROOM, b"\0")
