"""What the toys are told to do."""

from dataclasses import dataclass
from uuid import UUID

from nexus.contracts.base import EVENTS, Event

if "toys.errand-given.v1" not in EVENTS:

    @dataclass(frozen=True, kw_only=True)
    class ErrandGiven(Event, name="toys.errand-given.v1"):
        """Somebody was sent to ``work``, ``fail``, ``crash`` or ``hang``."""

        errand_id: UUID
        does: str = "work"

        @property
        def subject(self) -> str:
            return str(self.errand_id)
