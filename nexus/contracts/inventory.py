"""What inventory tells: verdicts about orders, how much can be sold, and what goes from one region to another."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from nexus.contracts.base import Crossing, Event


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


@dataclass(frozen=True, kw_only=True)
class ShareAsked(Crossing, name="inventory.share-asked.v1"):
    """
    A region has few of some skus left and asks another for a share of what that one has. It may get none, and is not
    told so: it asks again later.
    """

    ask_id: UUID
    levels: Annotated[dict[str, int], "what it can still sell, by sku"]

    @property
    def subject(self) -> str:
        return str(self.ask_id)


@dataclass(frozen=True, kw_only=True)
class ShareSent(Crossing, name="inventory.share-sent.v1"):
    """Stock has left a region for another: from now until it has arrived it can be sold nowhere."""

    transfer_id: UUID
    sku: str
    quantity: Annotated[int, "pieces, at least 1"]

    @property
    def subject(self) -> str:
        return str(self.transfer_id)


@dataclass(frozen=True, kw_only=True)
class ShareArrived(Crossing, name="inventory.share-arrived.v1"):
    """What a region was sent is on its shelves; told to the region that sent it."""

    transfer_id: UUID
    sku: str
    quantity: Annotated[int, "pieces"]

    @property
    def subject(self) -> str:
        return str(self.transfer_id)
