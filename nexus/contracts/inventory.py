"""What inventory tells: verdicts about orders, and how much can be sold."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexus.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class StockReserved(Event, name="inventory.stock-reserved.v1"):
    """Every line of the order is set aside until `expires_at` (never, when absent)."""

    order_id: UUID
    expires_at: datetime | None = None

    @property
    def subject(self) -> str:
        return str(self.order_id)


@dataclass(frozen=True, kw_only=True)
class StockRejected(Event, name="inventory.stock-rejected.v1"):
    """Some lines are short, so nothing was set aside; `skus` names the short ones."""

    order_id: UUID
    skus: tuple[str, ...]

    @property
    def subject(self) -> str:
        return str(self.order_id)


@dataclass(frozen=True, kw_only=True)
class ReservationExpired(Event, name="inventory.reservation-expired.v1"):
    """Set-aside stock was not shipped in time and is on sale again."""

    order_id: UUID

    @property
    def subject(self) -> str:
        return str(self.order_id)


@dataclass(frozen=True, kw_only=True)
class StockLevelChanged(Event, name="inventory.stock-level-changed.v1"):
    """
    How many can be sold now. A state, not a step: of several, only the highest `version` counts, so they are
    coalesced per batch and may be applied in any order by comparing versions.
    """

    sku: str
    available: int
    version: int

    @property
    def subject(self) -> str:
        return self.sku
