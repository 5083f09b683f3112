"""What bells tell."""

from dataclasses import dataclass
from uuid import UUID

from nexus.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class BellEvent(Event):
    """`trick` says what a subscriber is to do instead of simply hearing it; `padding` makes it large."""

    bell_id: UUID
    trick: str = ""
    padding: str = ""

    @property
    def subject(self) -> str:
        return str(self.bell_id)


@dataclass(frozen=True, kw_only=True)
class BellRung(BellEvent, name="bells.bell-rung.v1"):
    """Heard in batches."""


@dataclass(frozen=True, kw_only=True)
class BellMuffled(BellEvent, name="bells.bell-muffled.v1"):
    """Heard one by one."""


@dataclass(frozen=True, kw_only=True)
class BellCast(BellEvent, name="bells.bell-cast.v1", listeners=False):
    """Heard by nobody."""
