"""What inventory tells: verdicts about orders, and how much can be sold."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from nexus.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class StockReserved(Event, name="inventory.stock-reserved.v1"):
    """Every line of the order is set aside until `expires_at`."""

    order_id: UUID
    expires_at: Annotated[datetime | None, "null: for as long as it takes"] = None

    @property
    def subject(self) -> str:
        return str(self.order_id)


@dataclass(frozen=True, kw_only=True)
class StockRejected(Event, name="inventory.stock-rejected.v1"):
    """Some lines are short, so nothing was set aside."""

    order_id: UUID
    skus: Annotated[tuple[str, ...], "of the lines that are short"]

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
    coalesced and may be applied in any order by comparing versions. Told at once when few are left or were, else within
    a second or, when very many skus sell at the same time, within some.
    """

    sku: str
    available: Annotated[int, "pieces, all locations together"]
    version: Annotated[int, "rises with every change of the sku's stock"]

    @property
    def subject(self) -> str:
        return self.sku
